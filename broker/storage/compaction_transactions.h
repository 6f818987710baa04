// Which batches of a stretch of a partition belong to transactions that were aborted, and from where on transactions are not
// decided: found by going through the batches' headers and the markers among them.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "broker/base/ids.h"
#include "schemas/batch.h"
#include "schemas/result.h"

namespace tandem::storage {

/// Thread rule: one thread.
class TransactionScan {
 public:
  /// Aborted transactions that one compaction remembers, 24 bytes each. It stops where there are more, and the next one goes
  /// on from there.
  static constexpr std::size_t aborted_max = 100'000;

  /// Batches in their order. `marker`: the batch's bytes, only looked at when it is a control batch. Errors: corrupt.
  Result<> take(const BatchHeader& header, Bytes marker);
  /// There are too many aborted ones to go on: what was not taken is not decided.
  bool full() const { return aborted_count_ >= aborted_max; }

  /// Everything before it is decided: the first batch of the oldest transaction without an end, at most `end`.
  Offset decided_through(Offset end) const;
  /// Whether the batch was written by a transaction that was aborted.
  bool is_aborted(const BatchHeader& header) const;

 private:
  struct Range {
    Offset first = 0, last = 0;
  };
  std::map<std::int64_t, Offset> open_;                  // producer → its first batch
  std::map<std::int64_t, std::vector<Range>> aborted_;  // by producer, ascending
  std::size_t aborted_count_ = 0;
};

}  // namespace tandem::storage
