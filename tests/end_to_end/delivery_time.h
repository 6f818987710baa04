// How long a message takes from publish to delivery, for what is printed about neighbours. It decides nothing.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

#include "tests/end_to_end/broker_fixture.h"

namespace tandem::end_to_end {

/// The 99th percentile of the time from publish to delivery of durable messages, one after another, in microseconds.
inline long long delivery_p99_us(const Client& client, int count = 2'000) {
  using Clock = std::chrono::steady_clock;
  must(client.ask(DeclareQueue{.name = "others"}));
  auto publisher = must(Publisher::open(client));
  auto consumer = must(Consumer::open(client, {.queue = "others"}));
  std::vector<long long> times;
  for (int i = 0; i < count; ++i) {
    const auto begin = Clock::now();
    must(publisher.post(Message{.routing_key = "others", .body = "m"}));
    auto delivery = must(consumer.receive(std::chrono::seconds(30)));
    times.push_back(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin).count());
    delivery.ack();
  }
  must(consumer.flush());
  std::sort(times.begin(), times.end());
  return times[times.size() * 99 / 100];
}

}  // namespace tandem::end_to_end
