#include "broker/base/limits.h"
#include "broker/core/topic_config.h"
#include "broker/core/topic_refusal.h"
#include "broker/core/topic_verbs.h"

namespace tandem::core {
namespace {

std::optional<Refusal> judge_partitions(const State& state, const Topic& topic, std::int32_t wanted) {
  if (wanted == 0) return std::nullopt;
  const std::int32_t current = topic.facts.partitions;
  if (wanted <= current || wanted > limits::partitions_per_topic_max) {
    Refusal refusal = topic_argument_refusal(
        topic.facts.name, "partitions",
        "the number of partitions can only grow, up to " + std::to_string(limits::partitions_per_topic_max));
    refusal.received = std::to_string(wanted);
    refusal.current = std::to_string(current);
    return refusal;
  }
  if (state.topics.partitions_count() + static_cast<std::size_t>(wanted - current) > limits::partitions_max)
    return topic_limit_refusal(topic.facts.name, "partitions_max", limits::partitions_max);
  return std::nullopt;
}

std::optional<Refusal> judge(const State& state, const AlterTopic& input, const Topic* topic) {
  if (!topic) return no_such_topic(input.name);
  if (auto refusal = judge_partitions(state, *topic, input.partitions)) return refusal;
  return judge_topic_config(input.name, input.set, input.remove);
}

}  // namespace

void handle(Turn& turn, const AlterTopic& input) {
  turn.wait_for_earlier_turns();  // a refusal may tell of them
  const Topic* topic = turn.state().topics.find(input.name);
  if (auto refusal = judge(turn.state(), input, topic)) return turn.refuse(input.who, std::move(*refusal));
  TopicCreated facts = topic->facts;
  if (input.partitions != 0) facts.partitions = input.partitions;
  change_topic_config(facts.config, input.set, input.remove);
  if (!input.validate_only && facts != topic->facts) turn.record(TopicAltered{facts});
  turn.answer(input.who, TopicOk{input.who, std::move(facts)});
}

}  // namespace tandem::core
