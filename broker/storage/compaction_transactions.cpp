#include "broker/storage/compaction_transactions.h"

#include <algorithm>

namespace tandem::storage {

Result<> TransactionScan::take(const BatchHeader& header, Bytes marker) {
  if (!header.transactional()) return Done{};
  if (!header.control()) {
    open_.try_emplace(header.producer_id, header.base_offset);
    return Done{};
  }
  if (header.record_count == 0) return Done{};
  const auto commits = marker_is_commit(marker);
  if (!commits) return commits.error();
  const auto began = open_.find(header.producer_id);
  if (began == open_.end()) return Done{};  // all that it wrote is trimmed away
  if (!*commits) {
    aborted_[header.producer_id].push_back({began->second, header.base_offset});
    ++aborted_count_;
  }
  open_.erase(began);
  return Done{};
}

Offset TransactionScan::decided_through(Offset end) const {
  for (const auto& [producer, first] : open_) end = std::min(end, first);
  return end;
}

bool TransactionScan::is_aborted(const BatchHeader& header) const {
  if (!header.transactional() || header.control()) return false;
  const auto ranges = aborted_.find(header.producer_id);
  if (ranges == aborted_.end()) return false;
  const auto range =
      std::partition_point(ranges->second.begin(), ranges->second.end(),
                           [&](const Range& each) { return each.last < header.base_offset; });
  return range != ranges->second.end() && range->first <= header.base_offset;
}

}  // namespace tandem::storage
