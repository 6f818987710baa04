#include "broker/core/fetch.h"
#include "broker/core/topic_refusal.h"
#include "broker/core/topic_verbs.h"

namespace tandem::core {
namespace {

/// Bindings of exchanges go with the topic they lead to.
void unbind_topic(Turn& turn, TopicId id) {
  const std::set<BindingId>* found = turn.state().catalog.bindings_to({DestinationKind::topic, id.value});
  if (!found) return;
  const std::vector<BindingId> bindings(found->begin(), found->end());
  for (const BindingId binding : bindings)
    turn.record(Unbound{binding, turn.state().catalog.find_binding(binding)->durable});
}

}  // namespace

void handle(Turn& turn, const DeleteTopic& input) {
  turn.wait_for_earlier_turns();  // a refusal may tell of them
  const Topic* topic = turn.state().topics.find(input.name);
  if (!topic) return turn.refuse(input.who, no_such_topic(input.name));
  const TopicId id = topic->facts.id;
  const std::int32_t partitions = topic->facts.partitions;
  unbind_topic(turn, id);
  turn.record(TopicDeleted{id});
  for (PartitionIndex index = 0; index < partitions; ++index) answer_fetches_of(turn, {id, index});
  turn.session().parked_fetches.forget_topic(id, partitions);
  turn.say(DropTopic{id});
  turn.answer(input.who, Ok{input.who});
}

}  // namespace tandem::core
