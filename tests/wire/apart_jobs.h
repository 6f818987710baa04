// What a face gives to another thread (BrokerPort::do_apart()): done at once, or when the test says so.
#pragma once

#include <deque>
#include <functional>
#include <utility>

namespace tandem::wire::test {

struct ApartJobs {
  void give(std::function<void()> work, std::function<void()> done) {
    ++given;
    waiting.emplace_back(std::move(work), std::move(done));
    if (!wait) do_first();
  }
  void do_first() {
    const auto job = std::move(waiting.front());
    waiting.pop_front();
    job.first();
    job.second();
  }

  bool wait = false;
  int given = 0;
  std::deque<std::pair<std::function<void()>, std::function<void()>>> waiting;
};

}  // namespace tandem::wire::test
