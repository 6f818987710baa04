// The broker's time, as the core gets it: the system's wall clock at the start, and from then on a clock that is only
// steered towards the system's, by one part in 200. Somebody who sets the system's clock, by a second or by a year, makes
// nothing expire early and nothing wait: times to live, timeouts and retention run by time that has passed. Time that the
// machine spent suspended has passed too.
#pragma once

#include <chrono>

#include "broker/base/ids.h"

namespace tandem::server {

/// The clocks of the system that are read. Times are since any fixed moment (`passed`) and since the epoch (`wall`).
struct ClockSources {
  std::chrono::milliseconds (*passed)();
  std::chrono::milliseconds (*wall)();
  static ClockSources system();
};

class Clock {
 public:
  using Steady = std::chrono::steady_clock;

  explicit Clock(ClockSources sources = ClockSources::system());
  /// Reads the clocks; now() stays what it is in between. Never goes back.
  void refresh();
  TimestampMs now() const { return now_; }
  /// How far the system's clock is ahead of now(), as of the last refresh; negative when it is behind.
  DurationMs wall_ahead() const { return wall_ahead_; }
  /// The monotonic moment at which a `due` may be reached, for a timer: not later, and early by 1/200 at most. max()
  /// stays max().
  Steady::time_point moment_of(TimestampMs due) const;
  DurationMs uptime() const;

 private:
  ClockSources sources_;
  std::chrono::milliseconds started_, passed_;
  Steady::time_point steady_;
  std::chrono::microseconds ahead_of_passed_;  // now() less `passed`
  TimestampMs now_ = 0;
  DurationMs wall_ahead_ = 0;
};

}  // namespace tandem::server
