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
/// Calls visit(ring, delivery) for every delivery that is not settled for its queue: in order of connection, channel and tag,
/// and then those of channels that are gone.
template <class Visit>
void for_each_unsettled(const Session& session, Visit visit) {
  const auto visit_ring = [&visit](UnsettledRing& ring) {
    for (std::size_t i = 0; i < ring.size(); ++i)
      if (ring[i].holds()) visit(ring, ring[i]);
  };
  for (const Connection* connection : session.connections.all())
    for (const auto& channel : connection->channels) visit_ring(channel->unsettled);
  for (std::size_t i = 0; i < session.settling.size(); ++i)
    if (UnsettledRing* ring = session.settling[i].left_behind.get()) visit_ring(*ring);
}
/// The same for one queue, visit(delivery).
template <class Visit>
void for_each_unsettled(const Session& session, QueueId queue, Visit visit) {
  for_each_unsettled(session, [&](const UnsettledRing&, Unsettled& delivery) {
    if (delivery.queue == queue) visit(delivery);
  });
}

}  // namespace tandem::core
