// Which producers of a partition have been silent for long. Batches carry their producers' clocks, which say nothing about
// that; so the broker remembers where each partition ended a day ago, by its own clock. Session state: after a restart the day
// begins anew.
#pragma once

#include <map>

#include "broker/base/ids.h"

namespace tandem::core {

class Turn;

struct IdleProducers {
  struct Mark {
    TimestampMs at = 0;
    Offset end = 0;  // of the partition, then
  };
  std::map<PartitionId, Mark> marks;  // of partitions that remember producers
  TimestampMs next_at = 0;  // of the next look
};

/// The broker starts.
void begin_looking(IdleProducers& idle, TimestampMs now);

/// Forgets producers that sent nothing for one to two days (Kafka's producer.id.expiration.ms is one). Looks once an hour.
void forget_idle_windows(Turn& turn);

}  // namespace tandem::core
