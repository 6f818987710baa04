// A delivery that its client has not settled.
#pragma once

#include "broker/core/vocabulary.h"

namespace tandem::core {

struct Consumer;

struct Unsettled {
  DeliveryTag tag = 0;
  QueueEntry entry;  // `deliveries`: before this one
  QueueId queue;
  Consumer* consumer = nullptr;  // nullptr: it came by Get
  TimestampMs delivered_at = 0;
  bool settled = false;    // left behind until those before it are
  bool went_back = false;  // its queue has it again (it was held for too long) or has purged it; what settles it now is too late
  /// Its message is held here.
  bool holds() const { return !settled && !went_back; }
};

}  // namespace tandem::core
