#include "broker/core/readable.h"
#include "broker/core/topic_refusal.h"
#include "broker/core/topic_verbs.h"

namespace tandem::core {

void handle(Turn& turn, const ListOffset& input) {
  const Topic* topic = turn.state().topics.find(input.topic);
  if (!topic) return turn.refuse(input.who, no_such_topic(input.topic));
  const PartitionId id{topic->facts.id, input.partition};
  const Partition* partition = turn.state().topics.find(id);
  if (!partition) return turn.refuse(input.who, no_such_partition(input.topic, input.partition));
  if (input.at < static_cast<std::int64_t>(OffsetSpec::max_timestamp))
    return turn.refuse(input.who, topic_argument_refusal(input.topic, "at", "is no time and no known mark"));

  const Offset end = readable_end(turn.session(), id, *partition, input.isolation);
  OffsetListed listed{.who = input.who, .partition = id, .start = partition->start, .end = end};
  if (input.at == static_cast<std::int64_t>(OffsetSpec::latest))
    listed.offset = end;
  else if (input.at == static_cast<std::int64_t>(OffsetSpec::earliest))
    listed.offset = partition->start;
  else if (input.at == static_cast<std::int64_t>(OffsetSpec::max_timestamp))
    listed.want_max_timestamp = true;
  else
    listed.lookup = input.at;
  turn.answer(input.who, std::move(listed));
}

}  // namespace tandem::core
