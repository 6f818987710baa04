// Messages of one queue that come back to it: those that follow each other, and were delivered as often, become one
// Requeued record.
#pragma once

#include <optional>

#include "broker/core/removals.h"

namespace tandem::core {

class Returns {
 public:
  /// `queue` and `removals`, which is of the same queue, live longer than this.
  Returns(Turn& turn, const Queue& queue, Removals& removals)
      : turn_(turn), queue_(queue), life_(*turn.life(queue.declared.id)), removals_(removals) {}
  ~Returns() { finish(); }
  Returns(const Returns&) = delete;
  Returns& operator=(const Returns&) = delete;

  /// One that was held is ready again, delivered once more than before; or it has come back too often and leaves.
  void add(QueueEntry entry);
  /// Records what was gathered.
  void finish();

 private:
  Turn& turn_;
  const Queue& queue_;
  QueueLife& life_;
  Removals& removals_;
  std::optional<Requeued> open_;
};

}  // namespace tandem::core
