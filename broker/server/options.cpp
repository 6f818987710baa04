#include "broker/server/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <sstream>

#include "broker/base/limits.h"
#include "broker/server/facts.h"

namespace tandem::server {

namespace {

constexpr int exit_usage = 2;
// A quarter of it, which is then the size of its segments, holds the largest record batch; a frame that is larger gets a segment of
// its own.
constexpr std::uint64_t journal_size_min_bytes = 4 * limits::batch_size_max_bytes;
constexpr std::uint64_t journal_size_max_bytes = 1ull << 40;
// A few commit groups: a checkpoint costs some syncs, so more of them than this would be all that the disk does.
constexpr std::uint64_t checkpoint_interval_min_bytes = 64u << 10;
constexpr std::uint64_t cache_size_min_bytes = limits::group_size_max_bytes;
constexpr std::uint64_t cache_size_max_bytes = 1ull << 40;
// Half of it, from which on those that do not read get no more, holds the largest message.
constexpr std::uint64_t connection_memory_min_bytes = 2 * limits::message_size_max_bytes;

void add_size(CLI::App& app, const std::string& name, std::uint64_t& value, std::uint64_t min,
              std::uint64_t max, const std::string& what, const std::string& environment) {
  app.add_option(name, value, what)
      ->envname(environment)
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(min, max))
      ->type_name("SIZE")
      ->default_str(std::to_string(value >> 20) + "MiB");
}

void add_port(CLI::App& app, const std::string& name, int& value, const std::string& protocol,
              const std::string& environment) {
  app.add_option(name, value, "port of the " + protocol + " protocol; 0: the system chooses, -1: off")
      ->envname(environment)
      ->check(CLI::Range(-1, 65535))
      ->type_name("PORT")
      ->capture_default_str();
}

void describe_amqp(CLI::App& app, Options& options) {
  app.add_option("--amqp-default-queue-type", options.amqp_default_queue_type,
                 "type of durable queues that AMQP clients declare without x-queue-type")
      ->envname("TANDEM_AMQP_DEFAULT_QUEUE_TYPE")
      ->check(CLI::IsMember({"classic", "quorum"}))
      ->capture_default_str();
}

void describe_kafka(CLI::App& app, Options& options) {
  app.add_option_function<std::string>(
         "--kafka-advertised",
         [&options](const std::string& text) {
           const auto parsed = parse_host_and_port(text);
           if (!parsed) throw CLI::ValidationError("--kafka-advertised", "not HOST:PORT: " + text);
           options.kafka_advertised = *parsed;
         },
         "where Kafka clients are told to connect to [--advertised-host and the Kafka port]")
      ->envname("TANDEM_KAFKA_ADVERTISED")
      ->type_name("HOST:PORT");
  app.add_option_function<std::vector<std::string>>(
         "--kafka-listener",
         [&options](const std::vector<std::string>& texts) {
           options.kafka_listeners.clear();
           for (const std::string& text : texts) {
             const auto parsed = parse_kafka_listener(text);
             if (!parsed) throw CLI::ValidationError("--kafka-listener", "not ADDRESS:PORT=HOST:PORT: " + text);
             options.kafka_listeners.push_back(*parsed);
           }
         },
         "one more address and port for Kafka clients, and where those that come there are told to connect to; may be "
         "given several times")
      ->envname("TANDEM_KAFKA_LISTENER")
      ->delimiter(',')
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("ADDRESS:PORT=HOST:PORT");
  app.add_option("--kafka-auto-create-topics", options.kafka_auto_create_topics,
                 "create a topic when a Kafka client asks for one that does not exist")
      ->envname("TANDEM_KAFKA_AUTO_CREATE_TOPICS")
      ->capture_default_str();
  app.add_option("--kafka-default-partitions", options.kafka_default_partitions,
                 "partitions of a topic whose creator does not say how many")
      ->envname("TANDEM_KAFKA_DEFAULT_PARTITIONS")
      ->check(CLI::Range(1, limits::partitions_per_topic_max))
      ->capture_default_str();
  app.add_option("--kafka-replication-max", options.kafka_replication_max,
                 "replication factors up to this are taken, although there is one replica")
      ->envname("TANDEM_KAFKA_REPLICATION_MAX")
      ->check(CLI::Range(1, 32767))
      ->capture_default_str();
}

/// What CLI11 reads from a configuration file, less what it would take for something else than it says: "[::1" without its
/// bracket is read as "::", which is every address, and the last word of a path with a space as the path.
class CheckedConfig : public CLI::ConfigTOML {
 public:
  explicit CheckedConfig(const CLI::App& app) : app_(app) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& file) const override {
    const std::string end = "end-of-the-file";  // read as part of a list, if one is not closed
    std::istringstream text(std::string(std::istreambuf_iterator<char>(file), {}) + "\n" + end + "\n");
    auto said = CLI::ConfigTOML::from_config(text);
    for (const auto& item : said)
      if (!item.parents.empty()) throw CLI::ConfigError("sections are not known: [" + item.parents.front() + "]");
    if (said.empty() || said.back().name != end) throw CLI::ConfigError("a list is not closed: ']' is missing");
    said.pop_back();
    for (const auto& item : said) check(item);
    return said;
  }

 private:
  static bool is_quote(char letter) { return letter == '"' || letter == '\''; }

  void check(const CLI::ConfigItem& item) const {
    if (item.inputs.empty()) throw CLI::ConfigError(item.name + " has no value");
    for (const std::string& value : item.inputs)
      if (!value.empty() && (is_quote(value.front()) || is_quote(value.back())))
        throw CLI::ConfigError(item.name + ": a quote is not closed, or '#' stands in it: " + value);
    const auto* option = app_.get_option_no_throw("--" + item.name);
    if (option != nullptr && item.inputs.size() > 1 && option->get_multi_option_policy() != CLI::MultiOptionPolicy::TakeAll)
      throw CLI::ConfigError(item.name + " has more than one value; one with a space or a comma is put into quotes");
  }

  const CLI::App& app_;
};

void describe(CLI::App& app, Options& options, std::string& log_level) {
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.set_version_flag("--version", "tandemd " + std::string(version()));
  app.set_config("--config", "", "read options from a TOML or INI file")
      ->envname("TANDEM_CONFIG")
      ->type_name("FILE");
  app.config_formatter(std::make_shared<CheckedConfig>(app));
  app.allow_config_extras(CLI::config_extras_mode::error);  // a misspelt option must not pass for its default
  app.add_option("--data", options.data_directory, "directory of all that is stored; made if missing")
      ->envname("TANDEM_DATA")
      ->check(CLI::Validator([](const std::string& text) { return text.empty() ? "names no directory" : ""; }, ""))
      ->type_name("DIRECTORY")
      ->capture_default_str();
  app.add_option("--check-store", options.check_directory,
                 "verify every checksum and reference of a directory that no broker uses, and end")
      ->type_name("DIRECTORY");
  app.add_option("--listen", options.listen,
                 "address to listen on; may be given several times [127.0.0.1 and ::1]")
      ->envname("TANDEM_LISTEN")
      ->delimiter(',')
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("ADDRESS");
  add_port(app, "--native-port", options.native_port, "native", "TANDEM_NATIVE_PORT");
  add_port(app, "--amqp-port", options.amqp_port, "AMQP 0-9-1", "TANDEM_AMQP_PORT");
  if (has_kafka_face()) add_port(app, "--kafka-port", options.kafka_port, "Kafka", "TANDEM_KAFKA_PORT");
  app.add_option("--metrics-port", options.metrics_port,
                 "port of /metrics for Prometheus, without login; 0: the system chooses, -1: off")
      ->envname("TANDEM_METRICS_PORT")
      ->check(CLI::Range(-1, 65535))
      ->type_name("PORT")
      ->capture_default_str();
  app.add_option("--advertised-host", options.advertised_host,
                 "host name or address that clients are told to connect to [the first listen address]")
      ->envname("TANDEM_ADVERTISED_HOST")
      ->type_name("HOST");
  describe_amqp(app, options);
  if (has_kafka_face()) describe_kafka(app, options);
  add_size(app, "--journal-size", options.journal_size_max_bytes, journal_size_min_bytes,
           journal_size_max_bytes, "most disk space of the journal", "TANDEM_JOURNAL_SIZE");
  add_size(app, "--checkpoint-interval", options.checkpoint_interval_bytes, checkpoint_interval_min_bytes,
           journal_size_max_bytes, "journal written between two checkpoints, a quarter of its size at most",
           "TANDEM_CHECKPOINT_INTERVAL");
  add_size(app, "--cache-size", options.cache_size_max_bytes, cache_size_min_bytes, cache_size_max_bytes,
           "memory for messages that were stored lately", "TANDEM_CACHE_SIZE");
  add_size(app, "--connection-memory", options.connection_memory_max_bytes, connection_memory_min_bytes,
           cache_size_max_bytes, "memory that all connections may hold together", "TANDEM_CONNECTION_MEMORY");
  app.add_option("--log-level", log_level, "lines on stderr: debug, info, warning, error or off")
      ->envname("TANDEM_LOG_LEVEL")
      ->check(CLI::IsMember({"debug", "info", "warning", "error", "off"}))
      ->type_name("LEVEL")
      ->capture_default_str();
}

/// The words with what the environment says and they do not. CLI11 itself would look into the environment only after the
/// file, which would win over it, and never for the file's name.
std::vector<std::string> with_environment(const CLI::App& app, std::vector<std::string> words) {
  std::vector<std::string> all;
  for (const auto* option : app.get_options()) {
    if (option->get_envname().empty()) continue;
    const char* value = std::getenv(option->get_envname().c_str());
    const std::string name = option->get_name();
    const bool is_said = std::any_of(words.begin(), words.end(), [&](const std::string& word) {
      return word == name || word.starts_with(name + "=");
    });
    if (value != nullptr && *value != 0 && !is_said) all.push_back(name + "=" + value);
  }
  all.insert(all.end(), words.begin(), words.end());
  std::reverse(all.begin(), all.end());  // as CLI11 takes them
  return all;
}

/// CLI11's words, but for the configuration file, which it does not name.
std::string explanation(const CLI::App& app, const CLI::ParseError& stop) {
  const std::string text = stop.what();
  const auto* config = app.get_config_ptr();
  const std::string file = config->results().empty() ? "" : config->results().back();
  constexpr std::string_view extra = "INI was not able to parse ";
  if (text.starts_with(extra)) return file + ": '" + text.substr(extra.size()) + "' is no option";
  if (dynamic_cast<const CLI::ConfigError*>(&stop) != nullptr) return file + ": " + text;
  if (dynamic_cast<const CLI::FileError*>(&stop) != nullptr) return "cannot read the configuration file: " + text;
  return text;
}

}  // namespace

std::optional<HostAndPort> parse_host_and_port(const std::string& text, int port_min) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  HostAndPort parsed{text.substr(0, colon), 0};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, parsed.port);
  if (error != std::errc{} || stop != end || parsed.port < port_min || parsed.port > 65535) return std::nullopt;
  const bool bracketed = parsed.host.front() == '[' && parsed.host.back() == ']';
  if (bracketed) parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
  if (parsed.host.empty() || (!bracketed && parsed.host.find(':') != std::string::npos)) return std::nullopt;
  return parsed;
}

std::optional<KafkaListener> parse_kafka_listener(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos) return std::nullopt;
  const auto listen = parse_host_and_port(text.substr(0, equals), 0);
  const auto advertised = parse_host_and_port(text.substr(equals + 1));
  if (!listen || !advertised) return std::nullopt;
  return KafkaListener{*listen, *advertised};
}

ParsedOptions parse_options(int argc, const char* const* argv) {
  CLI::App app("tandemd: a durable message broker with acknowledged queues and append-only topics",
               "tandemd");
  Options options;
  std::string log_level = "info";
  describe(app, options, log_level);
  try {
    app.parse(with_environment(app, {argv + 1, argv + argc}));
  } catch (const CLI::ParseError& stop) {
    if (stop.get_exit_code() == 0) return {std::nullopt, app.exit(stop)};
    std::fprintf(stderr, "tandemd: %s (--help says what there is)\n", explanation(app, stop).c_str());
    return {std::nullopt, exit_usage};
  }
  // By default it follows the journal's size. Who says it is told that it cannot be.
  if (app.count("--checkpoint-interval") > 0 && options.checkpoint_interval_bytes > options.journal_size_max_bytes / 4) {
    std::fprintf(stderr, "tandemd: --checkpoint-interval is more than a quarter of --journal-size\n");
    return {std::nullopt, exit_usage};
  }
  options.log_level = parse_log_level(log_level);
  return {std::move(options), 0};
}

}  // namespace tandem::server
