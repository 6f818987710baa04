// What is given to another thread (BrokerPort::do_apart()): done at once, or when the test says so.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <utility>

#include "broker/wire/face.h"

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

/// A broker that does nothing else.
struct ApartPort final : BrokerPort {
  TimestampMs now() const override { return 0; }
  BodyHandle stage(std::initializer_list<Bytes>) override { return {}; }
  void submit(const core::Input&) override {}
  std::string random_name(std::size_t size) override { return std::string(size, 'r'); }
  std::string_view fact(std::string_view) const override { return ""; }
  void do_apart(ConnectionId, std::function<void()> work, std::function<void()> done) override {
    apart.give(std::move(work), std::move(done));
  }
  ApartJobs apart;
};

}  // namespace tandem::wire::test
