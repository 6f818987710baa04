// The settles of a channel that were made and not sent yet, as ranges of delivery tags. Not thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "client/frames.h"

namespace tandem::client {

class Settles {
 public:
  void add(std::uint64_t tag, fb::Outcome outcome) {
    auto& ranges = of(outcome);
    if (!ranges.empty() && ranges.back().last() + 1 == tag)
      ranges.back() = fb::Range(ranges.back().first(), tag);
    else
      ranges.emplace_back(tag, tag);
  }
  bool empty() const {
    return std::all_of(ranges_.begin(), ranges_.end(), [](const auto& ranges) { return ranges.empty(); });
  }
  void clear() {
    for (auto& ranges : ranges_) ranges.clear();
  }
  /// Takes the ranges of one outcome: ascending, joined where they touch.
  std::vector<fb::Range> take(fb::Outcome outcome) {
    std::vector<fb::Range> taken;
    taken.swap(of(outcome));
    std::sort(taken.begin(), taken.end(), [](const auto& a, const auto& b) { return a.first() < b.first(); });
    std::size_t kept = 0;
    for (const auto& range : taken)
      if (kept != 0 && taken[kept - 1].last() + 1 == range.first())
        taken[kept - 1] = fb::Range(taken[kept - 1].first(), range.last());
      else
        taken[kept++] = range;
    taken.resize(kept);
    return taken;
  }

 private:
  std::vector<fb::Range>& of(fb::Outcome outcome) { return ranges_[static_cast<std::size_t>(outcome)]; }
  std::array<std::vector<fb::Range>, 3> ranges_;
};

}  // namespace tandem::client
