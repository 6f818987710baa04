// How long a message takes from publish to delivery, for what is printed about neighbours. It decides nothing.
#pragma once

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <vector>

#include "tests/end_to_end/broker_fixture.h"

namespace tandem::end_to_end {

/// Of all threads that this process has now.
inline void set_policy(int policy, int priority) {
  const sched_param parameter{.sched_priority = priority};
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task"))
    (void)sched_setscheduler(std::stoi(thread.path().filename().string()), policy, &parameter);
}
/// This process has the processor before all others, where that is allowed (root), as if it had a machine of its own:
/// what the broker makes it wait for is looked for. Without, its threads waited 1.4 ms for the processor that the
/// broker was using. What it forks is as usual.
inline void go_first() { set_policy(SCHED_RR | SCHED_RESET_ON_FORK, 1); }
/// It has what of the processor nobody else wants, as if it were on another machine, too.
inline void go_last() { set_policy(SCHED_IDLE, 0); }

/// The 99th percentile of the time from publish to delivery of durable messages, one after another, in microseconds.
inline long long delivery_p99_us(const Client& client, int count = 2'000) {
  using Clock = std::chrono::steady_clock;
  must(client.ask(DeclareQueue{.name = "others"}));
  auto publisher = must(Publisher::open(client));
  auto consumer = must(Consumer::open(client, {.queue = "others"}));
  go_first();
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
