#include "broker/core/delayed.h"
#include "broker/core/dispatch.h"
#include "broker/core/exchange_verbs.h"
#include "broker/core/queue_verbs.h"
#include "broker/core/stream.h"
#include "broker/core/subscription.h"

namespace tandem::core {
namespace {

void cancel_consumers(Turn& turn, QueueId id) {
  QueueConsumers* consumers = turn.session().consumers.find(id);
  if (!consumers) return;
  while (!consumers->parked_gets.empty()) answer_get_with_nothing(turn, consumers->parked_gets.pop_front());
  const std::vector<Consumer*> all = consumers->all();
  for (Consumer* consumer : all) {
    turn.say(ConsumerCancelled{consumer->channel->id, consumer->number});
    forget_consumer(turn, *consumer);
  }
  turn.session().consumers.forget(id);
}

void drop_runs(Turn& turn, const Queue& queue) {
  for (const Lane& lane : queue.life.lanes)
    for (std::size_t i = 0; i < lane.runs().size(); ++i)
      turn.say(DropRun{queue.declared.id, lane.runs()[i].id});
}

}  // namespace

void delete_queue(Turn& turn, QueueId id) {
  const Queue* queue = turn.state().queues.find(id);
  if (!queue) return;
  cancel_consumers(turn, id);
  unbind_destination(turn, {DestinationKind::queue, id.value});
  if (queue->declared.exclusive)
    turn.session().connections.find_or_open(queue->declared.owner).exclusive_queues.erase(id);
  turn.session().queue_timers.clear(id.value);
  drop_runs(turn, *queue);
  turn.pending().count_gone(queue->life.ready + queue->life.unsettled);
  turn.record(QueueDeleted{id, queue->is_durable()});
}

void handle(Turn& turn, const DeleteQueue& input) {
  const Queue* queue = find_queue(turn.state(), input.name);
  if (const Topic* topic = queue ? nullptr : turn.state().topics.find(input.name); topic && is_stream(*topic))
    return delete_stream(turn, input, *topic);
  if (!queue) return turn.answer(input.who, QueueOk{input.who, std::string(input.name), 0, 0});
  if (auto refusal = check_lock(*queue, input.who)) return turn.refuse(input.who, *refusal);
  if (auto refusal = refuse_room(*queue)) return turn.refuse(input.who, std::move(*refusal));
  const std::size_t consumers = turn.session().consumers.count(queue->declared.id);
  if (input.if_unused && consumers > 0)
    return turn.refuse(input.who, {ErrorCode::in_use, ObjectKind::queue, queue->declared.name, "", "", "",
                                   "it has " + std::to_string(consumers) + " consumers"});
  const std::uint64_t ready = queue->life.ready + queue->life.returning;
  if (input.if_empty && ready > 0)
    return turn.refuse(input.who, {ErrorCode::not_empty, ObjectKind::queue, queue->declared.name, "", "", "",
                                   "it has " + std::to_string(ready) + " messages"});
  delete_queue(turn, queue->declared.id);
  turn.answer(input.who,
              QueueOk{input.who, std::string(input.name), ready, static_cast<std::uint32_t>(consumers)});
}

}  // namespace tandem::core
