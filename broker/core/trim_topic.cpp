// Records leave a partition's front: because somebody asks, or because storage freed segments past their
// retention.
#include "broker/core/readable.h"
#include "broker/core/topic_refusal.h"
#include "broker/core/topic_verbs.h"

namespace tandem::core {

void handle(Turn& turn, const TrimTopic& input) {
  const Topic* topic = turn.state().topics.find(input.topic);
  if (!topic) return turn.refuse(input.who, no_such_topic(input.topic));
  const PartitionId id{topic->facts.id, input.partition};
  const Partition* partition = turn.state().topics.find(id);
  if (!partition) return turn.refuse(input.who, no_such_partition(input.topic, input.partition));

  const Offset visible = visible_end(turn.session(), id, *partition);
  const Offset wanted = input.offset == -1 ? visible : input.offset;
  if (wanted < 0 || wanted > visible)
    return turn.refuse(input.who, partition_refusal(ErrorCode::out_of_range, input.topic, input.partition,
                                                    "offset " + std::to_string(wanted) + ", but it ends at " +
                                                        std::to_string(visible)));
  if (wanted > partition->start) turn.record(Trimmed{id, wanted});
  turn.answer(input.who, TrimmedOk{input.who, partition->start});
}

void handle(Turn& turn, const RetentionDue& input) {
  const Partition* partition = turn.state().topics.find(input.partition);
  if (!partition || input.new_start <= partition->start) return;
  if (input.new_start > visible_end(turn.session(), input.partition, *partition)) return;
  turn.record(Trimmed{input.partition, input.new_start});
}

}  // namespace tandem::core
