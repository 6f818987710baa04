// Things with a number that become due at a time: parked fetches, groups, …. In order of (time, number), so
// that what happens on a tick never depends on a hash table.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "broker/base/ids.h"

namespace tandem::core {

inline constexpr TimestampMs never = std::numeric_limits<TimestampMs>::max();

class Deadlines {
 public:
  /// Replaces the deadline of `id`; `never` removes it.
  void set(std::uint64_t id, TimestampMs at) {
    clear(id);
    if (at == never) return;
    times_[id] = at;
    order_.emplace(at, id);
  }
  void clear(std::uint64_t id) {
    auto it = times_.find(id);
    if (it == times_.end()) return;
    order_.erase({it->second, id});
    times_.erase(it);
  }
  /// The earliest deadline; `never` when there is none.
  TimestampMs next() const { return order_.empty() ? never : order_.begin()->first; }
  /// The earliest one when it is due. It stays until it is set anew or cleared.
  std::optional<std::uint64_t> first_due(TimestampMs now) const {
    if (order_.empty() || order_.begin()->first > now) return std::nullopt;
    return order_.begin()->second;
  }

 private:
  std::set<std::pair<TimestampMs, std::uint64_t>> order_;
  std::unordered_map<std::uint64_t, TimestampMs> times_;
};

}  // namespace tandem::core
