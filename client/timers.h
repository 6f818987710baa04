// Things to do at a time. The I/O thread only; whoever owns it runs run_due() at next().
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "tandem/completion.h"

namespace tandem::client {

class Timers {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Key = std::pair<Time, std::uint64_t>;

  Key add(Time at, MoveFunction<void()> act) {
    const Key key{at, ++count_};
    due_.emplace(key, std::move(act));
    return key;
  }
  /// One that has run, or was cancelled before, is fine.
  void cancel(const Key& key) { due_.erase(key); }
  std::optional<Time> next() const {
    if (due_.empty()) return std::nullopt;
    return due_.begin()->first.first;
  }
  void run_due(Time now) {
    while (!due_.empty() && due_.begin()->first.first <= now) {
      auto act = std::move(due_.begin()->second);
      due_.erase(due_.begin());
      act();
    }
  }
  void clear() { due_.clear(); }

 private:
  std::uint64_t count_ = 0;
  std::map<Key, MoveFunction<void()>> due_;
};

}  // namespace tandem::client
