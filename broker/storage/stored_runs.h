// What a checkpoint has moved home, on its way to the core. There may be a hundred thousand entries in it, so it is told in pieces.
// Thread rule: the loop's thread.
#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "broker/core/send.h"

namespace tandem::storage {

class StoredRuns {
 public:
  StoredRuns() = default;
  /// `runs` view what `owner` keeps.
  StoredRuns(std::vector<core::RunStored> runs, std::shared_ptr<const void> owner)
      : runs_(std::move(runs)), owner_(std::move(owner)) {}

  /// All of it was taken.
  bool empty() const { return next_ == runs_.size(); }
  /// The next ones, until they have `entries_max` entries or more. Valid as long as this is.
  std::span<const core::RunStored> take(std::size_t entries_max) {
    const std::size_t first = next_;
    for (std::size_t entries = 0; !empty() && entries < entries_max; ++next_) entries += runs_[next_].moved.size();
    return std::span(runs_).subspan(first, next_ - first);
  }

 private:
  std::vector<core::RunStored> runs_;
  std::shared_ptr<const void> owner_;
  std::size_t next_ = 0;
};

}  // namespace tandem::storage
