// Seqs that left a queue without a turn at its front, while messages before them stayed: what a full queue writes to its dead
// letters at once. A run of the backlog may hold such a message between others, and knows nothing of it: when the run comes back it is
// passed over (run_loaded.cpp).
#pragma once

#include "broker/base/ring.h"
#include "broker/core/vocabulary.h"

namespace tandem::core {

class LeftEarly {
 public:
  bool empty() const { return ranges_.empty(); }
  /// Greater than all before.
  void add(QueueSeq seq) {
    if (!ranges_.empty() && ranges_.back().last + 1 == seq)
      ranges_.back().last = seq;
    else
      ranges_.push_back({seq, seq});
  }
  bool contains(QueueSeq seq) const {
    const std::size_t index = ranges_.partition_point([seq](const SeqRange& range) { return range.last < seq; });
    return index < ranges_.size() && ranges_[index].first <= seq;
  }
  /// No message below can come back with a run any more.
  void forget_below(QueueSeq seq) {
    while (!ranges_.empty() && ranges_.front().last < seq) ranges_.pop_front();
  }

 private:
  Ring<SeqRange> ranges_;  // ascending
};

}  // namespace tandem::core
