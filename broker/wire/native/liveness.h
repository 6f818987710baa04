// Heartbeats: something is said at least once per interval, and a peer that was silent for two is given up.
#pragma once

#include <limits>

#include "broker/base/ids.h"

namespace tandem::wire::native {

class Liveness {
 public:
  /// interval 0 = no heartbeats in either direction.
  void start(TimestampMs now, DurationMs interval) {
    interval_ = interval;
    heard_at_ = now;
    due_at_ = interval ? now + interval / 2 : never;
  }
  void heard(TimestampMs now) { heard_at_ = now; }

  enum class Duty { none, say_heartbeat, give_up };
  /// `spoke`: something was said since the last call that was due. Looking twice per interval makes the
  /// longest silence one interval.
  Duty tick(TimestampMs now, bool spoke) {
    if (now < due_at_) return Duty::none;
    due_at_ = now + interval_ / 2;
    if (now - heard_at_ >= 2 * interval_) return Duty::give_up;
    return spoke ? Duty::none : Duty::say_heartbeat;
  }
  TimestampMs due_at() const { return due_at_; }

  static constexpr TimestampMs never = std::numeric_limits<TimestampMs>::max();

 private:
  DurationMs interval_ = 0;
  TimestampMs heard_at_ = 0;
  TimestampMs due_at_ = never;
};

}  // namespace tandem::wire::native
