// tandem append
#include <algorithm>
#include <array>
#include <mutex>

#include "client/cli/bodies.h"
#include "client/cli/context.h"

namespace tandem::cli {
namespace {

struct AppendOptions {
  std::string topic, key, codec = "none";
  std::int32_t partition = -1;
  std::int64_t expected_end = -1;
  std::vector<std::string> headers;
  Bodies bodies;
};

constexpr std::array codecs{Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};

std::vector<std::string> codec_names() {
  std::vector<std::string> names;
  for (const Codec codec : codecs) names.emplace_back(name(codec));
  return names;
}

Codec codec_of(const std::string& word) {
  return *std::ranges::find(codecs, word, [](Codec codec) { return name(codec); });
}

/// A record whose key and headers live as long as `options` and `headers`.
Record record_of(const AppendOptions& options, const std::vector<std::pair<std::string, std::string>>& headers,
                 std::string_view value) {
  Record record{.value = value, .partition = options.partition};
  if (!options.key.empty()) record.key = options.key;
  for (const auto& [name, text] : headers) record.headers.emplace_back(name, text);
  return record;
}

void append_at_version(Context& context, TopicAppender& appender, const AppendOptions& options) {
  const auto headers = pairs_of(options.headers);
  std::vector<std::string> values;
  for_each_body(options.bodies, [&](std::string_view body) { values.emplace_back(body); });
  std::vector<Record> records;
  for (const auto& value : values) records.push_back(record_of(options, headers, value));
  if (records.empty()) fail_usage("there is nothing to append");
  const std::int32_t partition = options.partition >= 0 ? options.partition
                                 : options.key.empty()  ? 0
                                                        : appender.partition_of(options.key);
  const auto at = need(appender.append_at(partition, options.expected_end, records));
  context.say(count_of(records.size(), "record") + " appended to partition " +
              std::to_string(at.partition) + " at offset " + std::to_string(at.offset));
}

void append(Context& context, const AppendOptions& options) {
  std::mutex mutex;
  std::uint64_t appended = 0, failed = 0;
  AppenderOptions appender_options{.topic = options.topic, .codec = codec_of(options.codec)};
  appender_options.on_outcome = [&](const AppendedAt&, std::size_t count, const Error* error) {
    std::lock_guard lock(mutex);
    (error == nullptr ? appended : failed) += count;
  };
  auto appender = need(TopicAppender::open(context.client(), std::move(appender_options)));
  if (options.expected_end >= 0) return append_at_version(context, appender, options);
  const auto headers = pairs_of(options.headers);
  const auto stopped = send_each(options.bodies, [&](std::string_view body) -> Result<> {
    const auto posted = appender.post(record_of(options, headers, body));
    if (!posted) return posted.error();
    return Done{};
  });
  const auto flushed = appender.flush();
  std::lock_guard lock(mutex);
  if (stopped) fail_stopped(*stopped, appended, "appended");
  if (flushed) return context.say(count_of(appended, "record") + " appended");
  const auto failure = failure_of(flushed.error());
  throw Failure{appended > 0 ? exit_partly_done : failure.status,
                failure.text + " (" + std::to_string(appended) + " appended, " + std::to_string(failed) + " not)"};
}

}  // namespace

void add_append(CLI::App& app, Context& context) {
  auto options = make_options<AppendOptions>();
  auto* verb = app.add_subcommand("append",
                                  "Append records to a topic and wait until they are on disk.\n"
                                  "  tandem append orders --key customer-7 '{\"paid\": true}'\n"
                                  "  tandem append orders --partition 0 --expected-end 42 '…'");
  verb->add_option("TOPIC", options->topic, "it must be there: `tandem topic create`")->required();
  verb->add_option("--key", options->key, "record key; decides the partition");
  verb->add_option("--partition", options->partition, "this partition, whatever the key")->check(not_negative());
  verb->add_option("--header", options->headers, "KEY=VALUE, may be repeated")->allow_extra_args(false);
  verb->add_option("--codec", options->codec, "how batches are compressed")
      ->check(CLI::IsMember(codec_names()))
      ->capture_default_str();
  verb->add_option("--expected-end", options->expected_end,
                   "all of it as one batch, only if the partition ends here (--partition, the key's, or 0)")
      ->check(not_negative());
  add_bodies(*verb, options->bodies, "records");
  verb->callback([options, &context] { append(context, *options); });
}

}  // namespace tandem::cli
