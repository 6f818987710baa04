#include "broker/core/consumer_timeout.h"

#include <algorithm>

#include "broker/core/queue_verbs.h"
#include "broker/core/returns.h"
#include "broker/core/settlement.h"

namespace tandem::core {
namespace {

/// A look walks over all that is held, so there is one for many deliveries: they go back this much late at most.
DurationMs lateness_max(DurationMs timeout) {
  constexpr DurationMs least = 10;
  return std::max(timeout / 16, least);
}

}  // namespace

DurationMs timeout_of(const Queue& queue, const Consumer* consumer) {
  return consumer && consumer->timeout ? *consumer->timeout : queue.options.consumer_timeout;
}

void return_overdue(Turn& turn, const Queue& queue, QueueLife& life, Removals& removals) {
  std::vector<QueueEntry> overdue;
  life.overdue_at = never;
  for_each_unsettled(turn.session(), queue.declared.id, [&](UnsettledRing& ring, std::size_t place) {
    const Unsettled& delivery = ring[place];
    if (!ring.is_open(delivery)) return;
    const DurationMs timeout = timeout_of(queue, delivery.consumer);
    if (!timeout) return;
    const TimestampMs due = delivery.delivered_at + timeout;
    if (due > turn.now()) {
      life.overdue_at = std::min(life.overdue_at, std::max(due, turn.now() + lateness_max(timeout)));
      return;
    }
    overdue.push_back(delivery.entry);
    ring.change(place).went_back = true;
  });
  std::sort(overdue.begin(), overdue.end(),
            [](const QueueEntry& a, const QueueEntry& b) { return a.seq < b.seq; });
  Returns returns(turn, queue, removals);
  for (const QueueEntry& entry : overdue) {
    --life.unsettled;
    life.unsettled_bytes -= entry.size_bytes;
    returns.add(entry);
  }
}

}  // namespace tandem::core
