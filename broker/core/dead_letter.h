// Messages that leave for a dead-letter exchange: they stay in their queue, in `leaving`, until the rim has
// rewritten their headers and the copy can be published in the same turn that removes them.
#pragma once

#include "broker/core/removals.h"

namespace tandem::core {

/// The message is in no lane any more and is to leave: for the queue's dead-letter exchange when there is
/// one, else for good.
void discard(Turn& turn, const Queue& queue, const QueueEntry& entry, RemovalReason reason,
             Removals& removals);

void handle(Turn& turn, const DeadLetterReady& input);

}  // namespace tandem::core
