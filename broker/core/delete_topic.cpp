#include "broker/core/exchange_verbs.h"
#include "broker/core/fetch.h"
#include "broker/core/topic_refusal.h"
#include "broker/core/topic_verbs.h"

namespace tandem::core {

void delete_topic(Turn& turn, const Topic& topic) {
  const TopicId id = topic.facts.id;
  const std::int32_t partitions = topic.facts.partitions;
  unbind_destination(turn, {DestinationKind::topic, id.value});
  turn.record(TopicDeleted{id});
  for (PartitionIndex index = 0; index < partitions; ++index) answer_fetches_of(turn, {id, index});
  turn.session().parked_fetches.forget_topic(id, partitions);
  turn.say(DropTopic{id});
}

void handle(Turn& turn, const DeleteTopic& input) {
  turn.wait_for_earlier_turns();  // a refusal may tell of them
  const Topic* topic = turn.state().topics.find(input.name);
  if (!topic) return turn.refuse(input.who, no_such_topic(input.name));
  delete_topic(turn, *topic);
  turn.answer(input.who, Ok{input.who});
}

}  // namespace tandem::core
