// How far a partition may be read: nothing that a crash could take back is shown, and read_committed stops
// before the first transaction that is still open (Kafka's last stable offset).
#pragma once

#include <algorithm>

#include "broker/core/session.h"
#include "broker/core/topic.h"

namespace tandem::core {

inline Offset visible_end(const Session& session, PartitionId id, const Partition& partition) {
  return session.parked_fetches.visible_end(id, partition.end);
}

/// A transaction that is open for so long that its first records were trimmed does not move it below the
/// start.
inline Offset last_stable(const Session& session, PartitionId id, const Partition& partition) {
  const Offset visible = visible_end(session, id, partition);
  if (partition.first_unstable < 0) return visible;
  return std::min(visible, std::max(partition.first_unstable, partition.start));
}

inline Offset readable_end(const Session& session, PartitionId id, const Partition& partition,
                           Isolation isolation) {
  return isolation == Isolation::read_committed ? last_stable(session, id, partition)
                                                : visible_end(session, id, partition);
}

}  // namespace tandem::core
