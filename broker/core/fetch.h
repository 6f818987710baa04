// Fetches that wait and get their answer for another reason than new records.
#pragma once

#include "broker/core/turn.h"

namespace tandem::core {

/// The partition is gone, or its start moved: whoever waits for it hears of it when that is on disk.
void answer_fetches_of(Turn& turn, PartitionId partition);
/// Those that have waited long enough.
void answer_due_fetches(Turn& turn);

}  // namespace tandem::core
