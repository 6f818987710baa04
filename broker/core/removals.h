// Messages of one queue that leave it for good: those that follow each other become one Removed record.
#pragma once

#include <optional>

#include "broker/core/turn.h"

namespace tandem::core {

class Removals {
 public:
  /// `queue` lives longer than this.
  Removals(Turn& turn, QueueId queue) : turn_(turn), queue_(queue), life_(*turn.life(queue)) {}
  ~Removals() { finish(); }
  Removals(const Removals&) = delete;
  Removals& operator=(const Removals&) = delete;

  /// The message is in no lane any more. Seqs that ascend without a gap are merged.
  void add(const QueueEntry& entry, RemovalReason reason);
  /// Records what was gathered; runs that became empty are given back.
  void finish();

 private:
  Turn& turn_;
  QueueId queue_;
  QueueLife& life_;
  std::optional<Removed> open_;
  std::vector<RunId> emptied_;
};

/// Adds one to the count of this reason.
void count_removal(QueueCounts& counts, RemovalReason reason);

}  // namespace tandem::core
