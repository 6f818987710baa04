// The wall clock as the core gets it: read when the loop wakes, and never going back, also when someone sets
// the system's clock back (it then runs on with the monotonic one).
#pragma once

#include <chrono>

#include "broker/base/ids.h"

namespace tandem::server {

class Clock {
 public:
  using Steady = std::chrono::steady_clock;

  Clock();
  /// Reads the clocks; now() stays what it is in between.
  void refresh();
  TimestampMs now() const { return now_; }
  /// The monotonic moment of a wall-clock `due`, for a timer. max() stays max().
  Steady::time_point moment_of(TimestampMs due) const;
  DurationMs uptime() const;

 private:
  Steady::time_point started_, steady_;
  std::chrono::milliseconds wall_minus_steady_{};
  TimestampMs now_ = 0;
};

}  // namespace tandem::server
