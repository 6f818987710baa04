#include "broker/base/limits.h"
#include "broker/core/topic_config.h"
#include "broker/core/topic_refusal.h"
#include "broker/core/topic_verbs.h"

namespace tandem::core {
namespace {

std::optional<Refusal> judge_partitions(const State& state, std::string_view name, std::int32_t partitions) {
  if (partitions < 1 || partitions > limits::partitions_per_topic_max)
    return topic_argument_refusal(name, "partitions",
                                  "must be from 1 to " + std::to_string(limits::partitions_per_topic_max));
  if (state.topics.partitions_count() + static_cast<std::size_t>(partitions) > limits::partitions_max)
    return topic_limit_refusal(name, "partitions_max", limits::partitions_max);
  return std::nullopt;
}

/// The finishing step of splitmix64: every bit of the result depends on every bit of `seed`.
std::uint64_t scatter(std::uint64_t seed) {
  seed += 0x9E3779B97F4A7C15ull;
  seed = (seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9ull;
  seed = (seed ^ (seed >> 27)) * 0x94D049BB133111EBull;
  return seed ^ (seed >> 31);
}

}  // namespace

std::optional<Refusal> judge_new_topic(const State& state, const CreateTopic& input) {
  if (auto fault = judge_topic_name(input.name))
    return topic_argument_refusal(input.name, "name", std::move(*fault));
  if (state.topics.find(input.name))
    return Refusal{
        .code = ErrorCode::already_exists, .object = ObjectKind::topic, .name = std::string(input.name)};
  if (state.topics.all().size() >= limits::topics_max)
    return topic_limit_refusal(input.name, "topics_max", limits::topics_max);
  if (auto refusal = judge_partitions(state, input.name, input.partitions)) return refusal;
  return judge_topic_config(input.name, input.config, {});
}

TopicCreated new_topic(const State& state, const CreateTopic& input, TimestampMs now) {
  TopicCreated facts{.id = TopicId(state.counters.next_topic),
                     .name = std::string(input.name),
                     .partitions = input.partitions,
                     .created_at = now};
  facts.uuid_high = scatter(static_cast<std::uint64_t>(now)) | 1;  // never 0
  facts.uuid_low = scatter(facts.uuid_high ^ facts.id.value);
  change_topic_config(facts.config, input.config, {});
  return facts;
}

void handle(Turn& turn, const CreateTopic& input) {
  turn.wait_for_earlier_turns();  // a refusal may tell of them
  if (auto refusal = judge_new_topic(turn.state(), input)) return turn.refuse(input.who, std::move(*refusal));
  TopicCreated facts = new_topic(turn.state(), input, turn.now());
  if (!input.validate_only) turn.record(facts);
  turn.answer(input.who, TopicOk{input.who, std::move(facts)});
}

}  // namespace tandem::core
