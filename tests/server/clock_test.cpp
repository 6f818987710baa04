#include "broker/server/clock.h"

#include <doctest/doctest.h>

#include <limits>
#include <thread>

namespace tandem::server {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds year = hours(24 * 365);

// A machine whose clocks the test sets.
milliseconds passed, wall;
constexpr ClockSources set_by_hand{[] { return passed; }, [] { return wall; }};

void pass(milliseconds time) {
  passed += time;
  wall += time;
}

}  // namespace

TEST_CASE("now stays what it was until the clock is refreshed") {
  Clock clock;
  const TimestampMs before = clock.now();
  std::this_thread::sleep_for(milliseconds(5));
  CHECK(clock.now() == before);
  clock.refresh();
  CHECK(clock.now() >= before + 4);
  CHECK(clock.uptime() >= 4);
}

TEST_CASE("now is the system's time") {
  const auto system =
      std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  CHECK(std::abs(Clock().now() - system) < 1000);
}

TEST_CASE("a system clock that is set a year ahead or back neither skips nor stops the broker's time") {
  for (const milliseconds jump : {year, -year, milliseconds(0), milliseconds(3'000), milliseconds(-3'000)}) {
    CAPTURE(jump.count());
    passed = hours(5), wall = year * 50;
    Clock clock(set_by_hand);
    const TimestampMs before = clock.now();
    CHECK(before == wall.count());
    wall += jump;
    for (int i = 0; i < 10'000; ++i) {
      pass(milliseconds(1));
      clock.refresh();
    }
    CHECK(clock.now() - before >= 10'000 - 50);
    CHECK(clock.now() - before <= 10'000 + 50);
    CHECK(clock.wall_ahead() == wall.count() - clock.now());
  }
}

TEST_CASE("a small difference is steered away, without a step and without going back") {
  for (const milliseconds jump : {seconds(2), -seconds(2)}) {
    passed = hours(5), wall = year * 50;
    Clock clock(set_by_hand);
    wall += jump;
    TimestampMs last = clock.now();
    for (int i = 0; i < 401; ++i) {
      pass(seconds(1));
      clock.refresh();
      CHECK(clock.now() - last >= 995);
      CHECK(clock.now() - last <= 1005);
      last = clock.now();
    }
    CHECK(clock.now() == wall.count());
    CHECK(clock.wall_ahead() == 0);
  }
}

TEST_CASE("moments follow due times: past, near, far and never") {
  Clock clock;
  const auto zero = clock.moment_of(clock.now());
  CHECK(clock.moment_of(clock.now() - 5) == zero);
  CHECK(clock.moment_of(clock.now() + 20) == zero + milliseconds(20));
  const TimestampMs never = std::numeric_limits<TimestampMs>::max();
  CHECK(clock.moment_of(never) == Clock::Steady::time_point::max());
  CHECK(clock.moment_of(never - 1) > zero);
  CHECK(clock.moment_of(never - 1) < Clock::Steady::time_point::max());
}

}  // namespace tandem::server
