// What can be done with queues, one file per verb, and what the rest of the core needs of them.
#pragma once

#include <utility>

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
/// Calls visit(ring) for every channel's deliveries, in order of connection and channel, and then for those of channels that are gone.
template <class Visit>
void for_each_ring(const Session& session, Visit visit) {
  for (const Connection* connection : session.connections.all())
    for (const auto& channel : connection->channels) visit(channel->unsettled);
  for (std::size_t i = 0; i < session.settling.size(); ++i)
    if (UnsettledRing* ring = session.settling[i].left_behind.get()) visit(*ring);
}
/// Calls visit(ring, place) for every delivery of the queue that is not settled for it, by ring and tag.
template <class Visit>
void for_each_unsettled(const Session& session, QueueId queue, Visit visit) {
  for_each_ring(session, [&](UnsettledRing& ring) {
    for (std::size_t place = 0; place < ring.size(); ++place)
      if (const Unsettled& delivery = ring[place]; delivery.queue == queue && delivery.holds()) visit(ring, place);
  });
}

}  // namespace tandem::core
