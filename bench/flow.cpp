#include "bench/flow.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

namespace tandem::bench {
namespace {

constexpr double warm_up_s = 0.5;
constexpr std::size_t receive_max = 1'000;
constexpr std::uint64_t posts_between_looks = 64;

std::string queue_name(int number) {
  return "flow." + std::to_string(number);
}

/// Threads of one flow, which all end when one of them fails.
class Flow {
 public:
  Flow(const Broker& broker, const FlowPlan& plan)
      : plan_(plan), publishing_(broker.connect()), consuming_(broker.connect()) {}

  /// Returns the messages that went through, with their acks on disk.
  std::uint64_t run(double seconds) {
    stop_at_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    posted_ = acked_ = 0;
    publishers_left_ = plan_.publishers;
    std::vector<std::thread> threads;
    for (int i = 0; i < plan_.publishers; ++i) threads.emplace_back([this, i] { guard([&] { publish(i); }); });
    for (int i = 0; i < plan_.consumers; ++i) threads.emplace_back([this, i] { guard([&] { consume(i); }); });
    for (auto& thread : threads) thread.join();
    if (failure_) std::rethrow_exception(failure_);
    if (acked_ != posted_ * static_cast<std::uint64_t>(plan_.copies))
      throw Failure(std::to_string(posted_) + " were published but " + std::to_string(acked_) + " acked");
    return posted_;
  }

 private:
  template <class Act>
  void guard(Act act) {
    try {
      act();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      failed_ = true;
      acked_.notify_all();
    }
  }

  void publish(int number) {
    auto publisher = must(Publisher::open(publishing_), "publisher");
    const EncodedProperties properties;
    const std::string body(plan_.body_size_bytes, 'b');
    MessageParts message{plan_.exchange, plan_.routing_key, properties.bytes(), bytes_of(body)};
    std::vector<std::string> names;
    for (int i = 0; i < plan_.queues; ++i) names.push_back(queue_name(i));
    std::uint64_t count = 0;
    while (!failed_ && (count % posts_between_looks != 0 || go_on(count))) {
      if (plan_.exchange.empty())
        message.routing_key = names[(static_cast<std::uint64_t>(number) + count) % names.size()];
      must(publisher.post(message), "post");
      ++count;
    }
    must(publisher.flush(), "publish");
    posted_ += count % posts_between_looks;
    --publishers_left_;
  }

  /// Counts what was posted since the last look; waits while too much is in flight.
  bool go_on(std::uint64_t count) {
    if (count > 0) posted_ += posts_between_looks;
    for (auto acked = acked_.load(); !failed_; acked = acked_.load()) {
      if (posted_ <= acked / static_cast<std::uint64_t>(plan_.copies) + plan_.in_flight_max) break;
      acked_.wait(acked);
    }
    return Clock::now() < stop_at_;
  }

  bool all_is_here() const {
    return publishers_left_ == 0 && acked_ >= posted_ * static_cast<std::uint64_t>(plan_.copies);
  }

  /// Queues are dealt out to the consumers; with fewer queues than consumers, consumers share one.
  void consume(int number) {
    std::vector<Consumer> consumers;
    for (int i = number % plan_.queues; i < plan_.queues; i += plan_.consumers)
      consumers.push_back(must(Consumer::open(consuming_, {.queue = queue_name(i), .prefetch = plan_.prefetch}),
                               "consumer"));
    const bool one = consumers.size() == 1;
    std::vector<Delivery> batch;
    while (!failed_ && !all_is_here()) {
      bool any = false;
      for (auto& consumer : consumers) {
        const auto got = consumer.receive_many(batch, receive_max, Milliseconds(one ? 20 : 0));
        if (!got && got.error().code != ErrorCode::timed_out) throw Failure("receive: " + got.error().text);
        if (batch.empty()) continue;
        any = true;
        const auto count = batch.size();
        Consumer::ack_all(batch);
        acked_ += count;
        acked_.notify_all();
      }
      if (!any && !one) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    for (auto& consumer : consumers) must(consumer.flush(), "ack");
    for (auto& consumer : consumers) must(consumer.close(), "close");
  }

  const FlowPlan plan_;
  Client publishing_, consuming_;
  Clock::time_point stop_at_;
  std::atomic<std::uint64_t> posted_{0}, acked_{0};
  std::atomic<int> publishers_left_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::exception_ptr failure_;
};

}  // namespace

void declare_queues(const Client& client, const FlowPlan& plan) {
  for (int i = 0; i < plan.queues; ++i) must(client.ask(DeclareQueue{.name = queue_name(i)}), "declare");
}

Outcome run_flow(const Broker& broker, const Settings& settings, const FlowPlan& plan) {
  broker.settle_in();
  Flow flow(broker, plan);
  flow.run(std::min(warm_up_s, settings.seconds));
  Outcome outcome;
  const Stretch stretch(broker);
  outcome.operations = static_cast<double>(flow.run(settings.seconds));
  stretch.finish(outcome);
  outcome.value = outcome.operations / outcome.seconds;
  return outcome;
}

Stretch::Stretch(const Broker& broker)
    : broker_(broker), before_(broker.use()), client_before_s_(own_cpu_s()),
      machine_before_s_(machine_cpu_s()),
      begin_(Clock::now()) {}

void Stretch::finish(Outcome& outcome) const {
  outcome.seconds = seconds_since(begin_);
  outcome.client_cpu_s = own_cpu_s() - client_before_s_;
  outcome.broker = broker_.use();
  outcome.broker.cpu_s -= before_.cpu_s;
  for (const auto& [name, cpu_s] : before_.thread_cpu_s) outcome.broker.thread_cpu_s[name] -= cpu_s;
  const double all_s = machine_cpu_s() - machine_before_s_;
  outcome.others_cores = std::max(0.0, all_s - outcome.broker.cpu_s - outcome.client_cpu_s) / outcome.seconds;
}

}  // namespace tandem::bench
