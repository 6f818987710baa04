#include "broker/server/clock.h"

#include <time.h>

#include <algorithm>
#include <limits>

namespace tandem::server {

namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

milliseconds read(clockid_t id) {
  timespec time{};
  clock_gettime(id, &time);
  return duration_cast<milliseconds>(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

// Far deadlines are cut to a day: waking once a day costs nothing, and no arithmetic can overflow.
constexpr DurationMs sleep_max_ms = 24LL * 3600 * 1000;
// An hour's difference is gone after eight days, a drift of 500 ppm (the most that NTP steers) never builds up, and a
// time to live of ten seconds is wrong by 50 ms at most.
constexpr int steering = 200;

}  // namespace

ClockSources ClockSources::system() {
  return {[] { return read(CLOCK_BOOTTIME); }, [] { return read(CLOCK_REALTIME); }};
}

Clock::Clock(ClockSources sources)
    : sources_(sources), started_(sources.passed()), passed_(started_), ahead_of_passed_(sources.wall() - started_) {
  refresh();
}

void Clock::refresh() {
  const milliseconds passed = sources_.passed();
  const microseconds step = microseconds(passed - passed_) / steering;
  const microseconds wanted = sources_.wall() - passed;
  ahead_of_passed_ += std::clamp(wanted - ahead_of_passed_, -step, step);
  passed_ = passed;
  steady_ = Steady::now();
  now_ = std::max(now_, duration_cast<milliseconds>(passed + ahead_of_passed_).count());
  wall_ahead_ = duration_cast<milliseconds>(wanted - ahead_of_passed_).count();
}

Clock::Steady::time_point Clock::moment_of(TimestampMs due) const {
  if (due == std::numeric_limits<TimestampMs>::max()) return Steady::time_point::max();
  if (due <= now_) return steady_;
  return steady_ + milliseconds(std::min(due - now_, sleep_max_ms));
}

DurationMs Clock::uptime() const {
  return (passed_ - started_).count();
}

}  // namespace tandem::server
