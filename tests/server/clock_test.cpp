#include "broker/server/clock.h"

#include <doctest/doctest.h>

#include <limits>
#include <thread>

namespace tandem::server {

TEST_CASE("now stays what it was until the clock is refreshed") {
  Clock clock;
  const TimestampMs before = clock.now();
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK(clock.now() == before);
  clock.refresh();
  CHECK(clock.now() >= before + 4);
  CHECK(clock.uptime() >= 4);
}

TEST_CASE("now is the system's time") {
  const auto system = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  CHECK(std::abs(Clock().now() - system) < 1000);
}

TEST_CASE("moments follow due times: past, near, far and never") {
  Clock clock;
  const auto zero = clock.moment_of(clock.now());
  CHECK(clock.moment_of(clock.now() - 5) == zero);
  CHECK(clock.moment_of(clock.now() + 20) == zero + std::chrono::milliseconds(20));
  const TimestampMs never = std::numeric_limits<TimestampMs>::max();
  CHECK(clock.moment_of(never) == Clock::Steady::time_point::max());
  CHECK(clock.moment_of(never - 1) > zero);
  CHECK(clock.moment_of(never - 1) < Clock::Steady::time_point::max());
}

}  // namespace tandem::server
