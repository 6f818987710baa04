// Deliveries that are held for too long (x-consumer-timeout of the queue or the consumer) go back to their queue, for
// another consumer to take; the channel stays open. The one that held them keeps its credit taken until it settles
// them, which then does nothing more: so a consumer that hangs is not given message after message.
#pragma once

#include "broker/core/removals.h"

namespace tandem::core {

/// 0 = it may be held for ever. `consumer`: nullptr for a delivery by Get, or whose consumer is gone.
DurationMs timeout_of(const Queue& queue, const Consumer* consumer);

/// Takes back what is overdue and says in life.overdue_at when to look again.
void return_overdue(Turn& turn, const Queue& queue, QueueLife& life, Removals& removals);

}  // namespace tandem::core
