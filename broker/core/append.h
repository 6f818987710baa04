// The one way by which records come into a partition.
#pragma once

#include "broker/core/turn.h"

namespace tandem::core {

/// Records it, and notes for fetches that it will be visible. `record.base_offset` is the partition's end.
void record_append(Turn& turn, Appended record);

}  // namespace tandem::core
