// What can be done with queues, one file per verb, and what the rest of the core needs of them.
#pragma once

#include "broker/core/turn.h"

namespace tandem::core {

void handle(Turn& turn, const DeclareQueue& input);
void handle(Turn& turn, const DeleteQueue& input);
void handle(Turn& turn, const PurgeQueue& input);

/// nullptr when there is no such queue.
const Queue* find_queue(const State& state, std::string_view name);
/// Refused: exclusive to another connection.
std::optional<Refusal> check_lock(const Queue& queue, const Caller& who);
/// The queue, when it exists and is not locked; else answers with the refusal.
const Queue* find_queue_or_refuse(Turn& turn, const Caller& who, std::string_view name);
/// With its bindings, consumers and messages.
void delete_queue(Turn& turn, QueueId queue);
/// Calls visit(delivery) for every delivery of the queue that a channel holds, in order of connection, channel and tag.
template <class Visit>
void for_each_held(const Session& session, QueueId queue, Visit visit) {
  for (const Connection* connection : session.connections.all())
    for (const auto& channel : connection->channels)
      for (std::size_t i = 0; i < channel->unsettled.size(); ++i) {
        Unsettled& delivery = channel->unsettled[i];
        if (delivery.holds() && delivery.queue == queue) visit(delivery);
      }
}
/// For those, too, that are settled for their channels and not yet for the queue.
template <class Visit>
void for_each_unsettled(const Session& session, QueueId queue, Visit visit) {
  for_each_held(session, queue, visit);
  for (std::size_t i = 0; i < session.settling.size(); ++i)
    for (const Unsettled& delivery : session.settling[i].rest())
      if (delivery.queue == queue) visit(delivery);
}

}  // namespace tandem::core
