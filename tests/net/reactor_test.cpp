#include "broker/net/reactor.h"

#include <doctest/doctest.h>

#include <csignal>
#include <thread>
#include <vector>

#include "broker/net/stop_signal.h"

namespace tandem::net {

using namespace std::chrono_literals;

TEST_CASE("a task of another thread wakes the reactor, and tasks keep their order") {
  Reactor reactor;
  std::vector<int> done;
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) reactor.post([&done, i] { done.push_back(i); });
  });
  while (done.size() < 100) reactor.wait(never);
  other.join();
  for (int i = 0; i < 100; ++i) CHECK(done[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("a deadline ends the wait") {
  Reactor reactor;
  const auto due = std::chrono::steady_clock::now() + 20ms;
  while (std::chrono::steady_clock::now() < due) reactor.wait(due);
  CHECK(std::chrono::steady_clock::now() < due + 1s);
}

TEST_CASE("an earlier deadline replaces a later one") {
  Reactor reactor;
  reactor.post([] {});
  reactor.wait(std::chrono::steady_clock::now() + 1h);
  const auto due = std::chrono::steady_clock::now() + 10ms;
  while (std::chrono::steady_clock::now() < due) reactor.wait(due);
  CHECK(std::chrono::steady_clock::now() < due + 1s);
}

TEST_CASE("nothing is ready in an idle reactor") {
  Reactor reactor;
  CHECK_FALSE(reactor.run_ready());
}

TEST_CASE("SIGTERM arrives as an event, as often as it is sent") {
  Reactor reactor;
  std::vector<int> asked;
  StopSignal stop(reactor, [&](int number) { asked.push_back(number); });
  ::raise(SIGTERM);
  while (asked.empty()) reactor.wait(never);
  ::raise(SIGINT);
  while (asked.size() < 2) reactor.wait(never);
  CHECK(asked == std::vector{SIGTERM, SIGINT});
}

}  // namespace tandem::net
