// Ends the program with a violation when the histories have not changed for long: a broker that answers nobody is a fault, and who
// runs thousands of lives does not look on.
#pragma once

#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

#include "tests/crash/load.h"

namespace tandem::crash {

class Watchdog {
 public:
  /// A start takes 20 s at the most, and a sanitizer ten times as long as usual.
  static constexpr std::chrono::seconds patience{300};

  /// `histories` outlives it.
  explicit Watchdog(Histories& histories) : histories_(histories), thread_([this] { watch(); }) {}
  ~Watchdog() {
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
    }
    over_.notify_all();
    thread_.join();
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  std::uint64_t events() {
    std::uint64_t sum = 0;
    for (const History* history : histories_.all()) {
      const auto counts = history->counts();
      sum += counts.invoked + counts.confirmed + counts.delivered + counts.acks_confirmed + counts.read;
    }
    return sum;
  }
  void watch() {
    std::unique_lock lock(mutex_);
    std::uint64_t seen = events();
    while (!over_.wait_for(lock, patience, [this] { return is_over_; })) {
      const std::uint64_t now = events();
      if (now == seen) {
        std::printf("VIOLATION: nothing happened for %lld s; the broker is left as it is, to be looked at\n",
                    static_cast<long long>(patience.count()));
        std::fflush(stdout);
        ::_exit(1);
      }
      seen = now;
    }
  }

  Histories& histories_;
  std::mutex mutex_;
  std::condition_variable over_;
  bool is_over_ = false;
  std::thread thread_;
};

}  // namespace tandem::crash
