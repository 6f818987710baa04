#include "broker/core/stream.h"

#include "broker/base/check.h"
#include "broker/core/age.h"
#include "broker/core/exchange_verbs.h"
#include "broker/core/queue_options.h"
#include "broker/core/topic_verbs.h"

namespace tandem::core {
namespace {

constexpr std::string_view stream_key = "tandem.stream";

/// What a stream's arguments become; of anything else RabbitMQ knows (its cluster, its filters) nothing here depends.
struct StreamConfig {
  std::string retention_ms = "-1", retention_bytes = "-1", segment_bytes;
  std::vector<TopicConfigEntry> entries() const {
    std::vector<TopicConfigEntry> all{{stream_key, "true"},
                                      {"retention.ms", retention_ms},
                                      {"retention.bytes", retention_bytes},
                                      {"max.message.bytes", "16777216"}};
    if (!segment_bytes.empty()) all.push_back({"segment.bytes", segment_bytes});
    return all;
  }
};

Refusal invalid(std::string_view queue, std::string_view argument, std::string detail) {
  return {ErrorCode::invalid_argument, ObjectKind::queue, std::string(queue), std::string(argument), "", "",
          std::move(detail)};
}

std::optional<Refusal> read_size(std::string_view queue, const Table& arguments, std::string_view key,
                                 std::int64_t min, std::int64_t max, std::string& out) {
  const Value* value = find(arguments, key);
  if (!value) return std::nullopt;
  const std::int64_t* number = value->integer();
  if (!number) return invalid(queue, key, "expected integer, got " + to_text(*value));
  if (*number < min || *number > max)
    return invalid(queue, key, "must be from " + std::to_string(min) + " to " + std::to_string(max));
  out = std::to_string(*number);
  return std::nullopt;
}

std::optional<Refusal> read_config(std::string_view queue, const Table& arguments, StreamConfig& config) {
  if (const Value* age = find(arguments, "x-max-age")) {
    const auto ms = age->text() ? read_age(*age->text()) : std::nullopt;
    if (!ms)
      return invalid(queue, "x-max-age", "expected a number and Y, M, D, h, m or s, got " + to_text(*age));
    config.retention_ms = std::to_string(*ms);
  }
  constexpr std::int64_t size_max = INT64_MAX, segment_max = INT32_MAX;
  if (auto refusal = read_size(queue, arguments, "x-max-length-bytes", 0, size_max, config.retention_bytes))
    return refusal;
  return read_size(queue, arguments, "x-stream-max-segment-size-bytes", 14, segment_max, config.segment_bytes);
}

std::optional<Refusal> judge_properties(const DeclareQueue& input, std::string_view name) {
  if (input.name.empty()) return invalid(name, "x-queue-type", "a stream needs a name");
  if (!input.durable) return invalid(name, "durable", "a stream is durable");
  if (input.exclusive) return invalid(name, "exclusive", "a stream is not exclusive");
  if (input.auto_delete) return invalid(name, "auto_delete", "a stream is not deleted with its last consumer");
  return std::nullopt;
}

std::string_view config_of(const Topic& topic, std::string_view key) {
  for (const auto& [name, value] : topic.facts.config)
    if (name == key) return value;
  return {};
}

std::optional<Refusal> compare(const Topic& topic, const StreamConfig& wanted) {
  constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"retention.ms", "x-max-age"},
      {"retention.bytes", "x-max-length-bytes"},
      {"segment.bytes", "x-stream-max-segment-size-bytes"}};
  for (const TopicConfigEntry& entry : wanted.entries())
    for (const auto& [key, argument] : names)
      if (entry.key == key && config_of(topic, key) != entry.value)
        return Refusal{ErrorCode::inequivalent, ObjectKind::queue, topic.facts.name, std::string(argument),
                       std::string(entry.value), std::string(config_of(topic, key)), ""};
  return std::nullopt;
}

/// One is a stream, the other is not: said as of queues.
Refusal type_differs(const Topic& topic, const Table& received) {
  const Table stream{{"x-queue-type", "stream"}};
  const bool is = is_stream(topic);
  auto refusal = compare_arguments(ObjectKind::queue, topic.facts.name, is ? received : stream, is ? stream : Table());
  CHECK(refusal);
  return std::move(*refusal);
}

std::uint64_t records_of(const Topic& topic) {
  std::uint64_t count = 0;
  for (const Partition& partition : topic.partitions) count += static_cast<std::uint64_t>(partition.end - partition.start);
  return count;
}

void redeclare(Turn& turn, const DeclareQueue& input, const Topic& topic) {
  if (!input.passive) {
    const bool wants_stream = declares_stream(input.arguments);
    if (wants_stream != is_stream(topic))
      return turn.refuse(input.who, type_differs(topic, input.arguments ? *input.arguments : Table()));
    StreamConfig config;
    if (auto refusal = judge_properties(input, topic.facts.name)) return turn.refuse(input.who, std::move(*refusal));
    if (auto refusal = read_config(topic.facts.name, *input.arguments, config))
      return turn.refuse(input.who, std::move(*refusal));
    if (auto refusal = compare(topic, config)) return turn.refuse(input.who, std::move(*refusal));
  }
  turn.answer(input.who, QueueOk{input.who, topic.facts.name, records_of(topic), 0});
}

}  // namespace

bool declares_stream(const Table* arguments) {
  const Value* type = arguments ? find(*arguments, "x-queue-type") : nullptr;
  return type && type->text() && *type->text() == "stream";
}

bool is_stream(const Topic& topic) {
  return config_of(topic, stream_key) == "true";
}

void declare_stream(Turn& turn, const DeclareQueue& input, std::string_view name) {
  turn.wait_for_earlier_turns();
  if (const Topic* topic = turn.state().topics.find(name)) return redeclare(turn, input, *topic);
  StreamConfig config;
  if (auto refusal = judge_properties(input, name)) return turn.refuse(input.who, std::move(*refusal));
  if (auto refusal = read_config(name, *input.arguments, config)) return turn.refuse(input.who, std::move(*refusal));
  const auto entries = config.entries();
  const CreateTopic topic{input.who, name, 1, entries, false};
  if (auto refusal = judge_new_topic(turn.state(), topic)) return turn.refuse(input.who, std::move(*refusal));
  turn.record(new_topic(turn.state(), topic, turn.now()));
  turn.answer(input.who, QueueOk{input.who, std::string(name), 0, 0});
}

void delete_stream(Turn& turn, const DeleteQueue& input, const Topic& topic) {
  const std::uint64_t records = records_of(topic);
  const std::string name = topic.facts.name;
  if (input.if_empty && records > 0)
    return turn.refuse(input.who, {ErrorCode::not_empty, ObjectKind::queue, name, "", "", "",
                                   "it has " + std::to_string(records) + " records"});
  delete_topic(turn, topic);
  turn.answer(input.who, QueueOk{input.who, name, records, 0});
}

std::optional<Refusal> refuse_stream(const State& state, std::string_view name) {
  if (!state.topics.find(name)) return std::nullopt;
  return Refusal{ErrorCode::not_supported, ObjectKind::topic, std::string(name), "x-queue-type", "", "",
                 "it is a topic, not a queue: read it with fetch"};
}

}  // namespace tandem::core
