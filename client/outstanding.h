// Counts things that were begun and waits for their ends: completes a waiter when all that had begun before
// it has ended, in whatever order. Not thread-safe; completions are handed out to be called without locks.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <utility>
#include <vector>

#include "tandem/completion.h"

namespace tandem::client {

class Outstanding {
 public:
  std::uint64_t begin() {
    open_.insert(++last_);
    return last_;
  }
  /// Unknown numbers (ended before) are fine.
  void end(std::uint64_t number) { open_.erase(number); }
  bool idle() const { return open_.empty(); }

  void wait(Completion<Done> done) { waiters_.emplace_back(last_, std::move(done)); }
  /// The waiters whose time has come.
  std::vector<Completion<Done>> take_done() {
    std::vector<Completion<Done>> done;
    while (!waiters_.empty() && (open_.empty() || *open_.begin() > waiters_.front().first)) {
      done.push_back(std::move(waiters_.front().second));
      waiters_.pop_front();
    }
    return done;
  }

 private:
  std::uint64_t last_ = 0;
  std::set<std::uint64_t> open_;
  std::deque<std::pair<std::uint64_t, Completion<Done>>> waiters_;  // ascending
};

}  // namespace tandem::client
