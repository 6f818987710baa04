#include "broker/server/clock.h"

#include <algorithm>
#include <limits>

namespace tandem::server {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

milliseconds since_epoch(auto time_point) {
  return duration_cast<milliseconds>(time_point.time_since_epoch());
}

// Far deadlines are cut to a day: waking once a day costs nothing, and no arithmetic can overflow.
constexpr DurationMs sleep_max_ms = 24LL * 3600 * 1000;

}  // namespace

Clock::Clock() : started_(Steady::now()), steady_(started_) {
  wall_minus_steady_ = since_epoch(std::chrono::system_clock::now()) - since_epoch(steady_);
  refresh();
}

void Clock::refresh() {
  steady_ = Steady::now();
  const milliseconds seen = since_epoch(std::chrono::system_clock::now()) - since_epoch(steady_);
  wall_minus_steady_ = std::max(wall_minus_steady_, seen);
  now_ = (since_epoch(steady_) + wall_minus_steady_).count();
}

Clock::Steady::time_point Clock::moment_of(TimestampMs due) const {
  if (due == std::numeric_limits<TimestampMs>::max()) return Steady::time_point::max();
  if (due <= now_) return steady_;
  return steady_ + milliseconds(std::min(due - now_, sleep_max_ms));
}

DurationMs Clock::uptime() const {
  return duration_cast<milliseconds>(steady_ - started_).count();
}

}  // namespace tandem::server
