#include "broker/server/options.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>

namespace tandem::server {

namespace {

ParsedOptions parse(std::initializer_list<const char*> arguments) {
  std::vector<const char*> all{"tandemd"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return parse_options(static_cast<int>(all.size()), all.data());
}

struct Environment {
  Environment(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  ~Environment() { ::unsetenv(name_); }
  const char* name_;
};

}  // namespace

TEST_CASE("without options the broker listens on loopback at the usual ports") {
  const auto parsed = parse({});
  REQUIRE(parsed.options.has_value());
  CHECK(parsed.options->data_directory == "tandem-data");
  CHECK(parsed.options->listen.empty());
  CHECK(parsed.options->native_port == 7171);
  CHECK(parsed.options->amqp_port == 5672);
  CHECK(parsed.options->journal_size_max_bytes == 512ull << 20);
  CHECK(parsed.options->cache_size_max_bytes == 64ull << 20);
  CHECK(parsed.options->checkpoint_interval_bytes == 128ull << 20);
}

TEST_CASE("options are read from the command line, sizes with their units") {
  const auto parsed = parse({"--data", "/srv/t", "--listen", "10.0.0.1", "--listen", "::1", "--native-port",
                             "0", "--amqp-port", "-1", "--journal-size", "2GiB", "--cache-size", "128 MiB",
                             "--checkpoint-interval", "64KiB", "--log-level", "debug", "--advertised-host", "broker.example"});
  REQUIRE(parsed.options.has_value());
  CHECK(parsed.options->data_directory == "/srv/t");
  CHECK(parsed.options->listen == std::vector<std::string>{"10.0.0.1", "::1"});
  CHECK(parsed.options->native_port == 0);
  CHECK(parsed.options->amqp_port == -1);
  CHECK(parsed.options->journal_size_max_bytes == 2ull << 30);
  CHECK(parsed.options->cache_size_max_bytes == 128ull << 20);
  CHECK(parsed.options->checkpoint_interval_bytes == 64ull << 10);
  CHECK(parsed.options->log_level == LogLevel::debug);
  CHECK(parsed.options->advertised_host == "broker.example");
}

TEST_CASE("of an option that is given twice the last one holds") {
  CHECK(parse({"--amqp-port", "1", "--amqp-port", "2"}).options->amqp_port == 2);
}

TEST_CASE("the environment is read, and the command line wins over it") {
  const Environment port("TANDEM_NATIVE_PORT", "9000");
  CHECK(parse({}).options->native_port == 9000);
  CHECK(parse({"--native-port", "9001"}).options->native_port == 9001);
}

TEST_CASE("a configuration file is read, and the command line wins over it") {
  const auto path = std::filesystem::temp_directory_path() / "tandem_options_test.toml";
  std::ofstream(path) << "data = \"/srv/from-file\"\nnative-port = 9100\njournal-size = \"512MiB\"\n";
  const auto parsed = parse({"--config", path.c_str(), "--native-port", "9101"});
  std::filesystem::remove(path);
  REQUIRE(parsed.options.has_value());
  CHECK(parsed.options->data_directory == "/srv/from-file");
  CHECK(parsed.options->native_port == 9101);
  CHECK(parsed.options->journal_size_max_bytes == 512ull << 20);
}

TEST_CASE("the environment names the configuration file, and wins over what stands in it") {
  const auto path = std::filesystem::temp_directory_path() / "tandem_options_environment_test.toml";
  std::ofstream(path) << "data = \"/srv/from-file\"\nnative-port = 9100\namqp-port = 9101\nlisten = [\"10.0.0.5\"]\n";
  {
    const Environment config("TANDEM_CONFIG", path.c_str());
    const Environment port("TANDEM_NATIVE_PORT", "9200");
    const Environment listen("TANDEM_LISTEN", "10.0.0.6,10.0.0.7");
    const auto parsed = parse({"--amqp-port", "9301"});
    REQUIRE(parsed.options.has_value());
    CHECK(parsed.options->data_directory == "/srv/from-file");
    CHECK(parsed.options->native_port == 9200);
    CHECK(parsed.options->amqp_port == 9301);
    CHECK(parsed.options->listen == std::vector<std::string>{"10.0.0.6", "10.0.0.7"});
    CHECK(parse({"--listen", "10.0.0.8"}).options->listen == std::vector<std::string>{"10.0.0.8"});
  }
  std::filesystem::remove(path);
  const Environment config("TANDEM_CONFIG", "/no/such/file");
  CHECK(parse({}).exit_status == 2);
}

TEST_CASE("what is not understood is refused with status 2") {
  CHECK(parse({"--no-such-option"}).exit_status == 2);
  CHECK(parse({"--native-port", "65536"}).exit_status == 2);
  CHECK(parse({"--native-port", "many"}).exit_status == 2);
  CHECK(parse({"--journal-size", "1KiB"}).exit_status == 2);
  CHECK(parse({"--checkpoint-interval", "1KiB"}).exit_status == 2);
  CHECK(parse({"--checkpoint-interval", "129MiB"}).exit_status == 2);  // more than a quarter of the journal
  CHECK(parse({"--checkpoint-interval", "64MiB", "--journal-size", "128MiB"}).exit_status == 2);
  CHECK(parse({"--journal-size", "128MiB"}).options.has_value());
  CHECK(parse({"--log-level", "loud"}).exit_status == 2);
  CHECK(parse({"--config", "/no/such/file"}).exit_status == 2);
  CHECK(parse({"--data", ""}).exit_status == 2);
}

TEST_CASE("a configuration file that says what is no option is refused") {
  const auto path = std::filesystem::temp_directory_path() / "tandem_options_bad_test.toml";
  for (const char* text : {"nativ-port = 9100\n", "native-port = many\n", "this is [no file of options", "[section]\n",
                           "[section]\nnative-port = 9100\n"}) {
    CAPTURE(std::string(text));
    std::ofstream(path) << text;
    CHECK(parse({"--config", path.c_str()}).exit_status == 2);
  }
  std::filesystem::remove(path);
}

TEST_CASE("a configuration file whose words could be taken for others is refused") {
  const auto path = std::filesystem::temp_directory_path() / "tandem_options_unclear_test.toml";
  for (const char* text : {
           "data = []\n", "listen = []\n", "check-store= [a", "kafka-auto-create-topics = []\n",  // no value
           "listen = [::1\n", "listen = [\"::1\",\n",                                            // not closed
           "data = /srv/my data\n", "native-port = [1, 2]\n", "native-port = 1\nnative-port = 2\n",
           "data = \"/srv/a\n", "data = \"/srv/a#b\"\n"}) {
    CAPTURE(std::string(text));
    std::ofstream(path) << text;
    CHECK(parse({"--config", path.c_str()}).exit_status == 2);
  }
  std::ofstream(path) << "# no line end\ndata = \"/srv/my, data\"  # said\nlisten = [\"10.0.0.5\",\n  \"::1\"]";
  const auto parsed = parse({"--config", path.c_str()});
  std::ofstream(path) << "";
  CHECK(parse({"--config", path.c_str()}).options.has_value());
  std::filesystem::remove(path);
  REQUIRE(parsed.options.has_value());
  CHECK(parsed.options->data_directory == "/srv/my, data");
  CHECK(parsed.options->listen == std::vector<std::string>{"10.0.0.5", "::1"});
}

TEST_CASE("help and version end the program with status 0") {
  const auto help = parse({"--help"});
  CHECK_FALSE(help.options.has_value());
  CHECK(help.exit_status == 0);
  const auto version = parse({"--version"});
  CHECK_FALSE(version.options.has_value());
  CHECK(version.exit_status == 0);
}

TEST_CASE("where Kafka clients are told to connect to has a host and a port") {
  CHECK(parse_host_and_port("broker.test:9092")->host == "broker.test");
  CHECK(parse_host_and_port("broker.test:9092")->port == 9092);
  CHECK(parse_host_and_port("[::1]:9")->host == "::1");
  for (const char* bad : {"", "host", ":9092", "host:", "host:0", "host:65536", "host:9x", "::1:9092", "[]:1"})
    CHECK_FALSE(parse_host_and_port(bad).has_value());
  CHECK(parse({"--kafka-advertised", "h:1"}).options->kafka_advertised.port == 1);
  CHECK_FALSE(parse({"--kafka-advertised", "h"}).options.has_value());
  const auto listeners = parse({"--kafka-listener", "0.0.0.0:9094=out.test:29094", "--kafka-listener", "[::1]:0=[::1]:7"})
                             .options->kafka_listeners;
  REQUIRE(listeners.size() == 2);
  CHECK(listeners[0].listen.host == "0.0.0.0");
  CHECK(listeners[0].listen.port == 9094);
  CHECK(listeners[0].advertised.host == "out.test");
  CHECK(listeners[0].advertised.port == 29094);
  CHECK(listeners[1].listen.host == "::1");
  CHECK(listeners[1].listen.port == 0);
  for (const char* bad : {"", "0.0.0.0:9094", "0.0.0.0:9094=", "=h:1", "0.0.0.0:9094=h:0", "0.0.0.0=h:1"})
    CHECK(parse({"--kafka-listener", bad}).exit_status == 2);
  CHECK_FALSE(parse({"--kafka-auto-create-topics", "false"}).options->kafka_auto_create_topics);
}

}  // namespace tandem::server
