#include "bench/many_queues.h"

#include <algorithm>
#include <future>
#include <semaphore>

namespace tandem::bench {
namespace {

constexpr int channels_per_connection = 2'000;  // of the 2,047 there are
constexpr std::ptrdiff_t requests_at_a_time = 1'000;
constexpr std::uint64_t messages_at_a_time = 64;
constexpr std::size_t acks_at_a_time = 1'000;
/// With a cold backlog in 10,000 queues the first delivery comes when all their first runs have been read.
constexpr auto silence_max = std::chrono::seconds(120);

/// Starts `count` requests, so many at a time, and waits for all. `start(i, done)` calls `done` with the outcome's error.
template <class Start>
void ask_all(int count, const char* what, Start start) {
  struct Shared {  // the last callback may still be in release() when this function is through
    std::counting_semaphore<requests_at_a_time> free{requests_at_a_time};
    std::mutex mutex;
    std::string failure;
  };
  const auto shared = std::make_shared<Shared>();
  for (int i = 0; i < count; ++i) {
    shared->free.acquire();
    start(i, [shared](const Error* error) {
      if (error) {
        const std::lock_guard lock(shared->mutex);
        shared->failure = error->text;
      }
      shared->free.release();
    });
  }
  for (std::ptrdiff_t i = 0; i < requests_at_a_time; ++i) shared->free.acquire();
  if (!shared->failure.empty()) throw Failure(std::string(what) + ": " + shared->failure);
}

}  // namespace

ManyQueues::ManyQueues(Broker& broker, const ManyPlan& plan)
    : broker_(broker), plan_(plan), body_(plan.body_size_bytes, 'b') {
  for (int i = 0; i < plan_.queues; ++i) names_.push_back("many." + std::to_string(i));
}

ManyQueues::~ManyQueues() {
  unsubscribe();
}

void ManyQueues::declare() {
  const Client client = broker_.connect();
  ask_all(plan_.queues, "declare", [&](int i, auto done) {
    client.ask(DeclareQueue{.name = names_[static_cast<std::size_t>(i)]},
               [done](const auto& answer) { done(answer ? nullptr : &answer.error()); });
  });
}

void ManyQueues::publish_in_turn(Publisher& publisher, std::uint64_t number) {
  static const EncodedProperties properties;
  constexpr std::uint64_t stride = 7'919;  // a prime
  if (!plan_.in_turn) number *= stride;
  must(publisher.post(MessageParts{"", names_[number % names_.size()], properties.bytes(), bytes_of(body_)}), "publish");
}

void ManyQueues::fill(std::uint64_t count, const Progress& progress) {
  constexpr std::uint64_t between_reports = 10'000;
  const Client client = broker_.connect();
  auto publisher = must(Publisher::open(client), "publisher");
  for (std::uint64_t i = 0; i < count; ++i) {
    publish_in_turn(publisher, turn_++);
    if (i % between_reports == 0) progress(static_cast<double>(i) / static_cast<double>(count));
  }
  must(publisher.flush(), "publish");
}

void ManyQueues::take(Delivery delivery) {
  const std::lock_guard lock(mutex_);
  deliveries_.push_back(std::move(delivery));
  if (deliveries_.size() == 1) changed_.notify_all();
}

void ManyQueues::subscribe(std::uint32_t prefetch) {
  io_ = std::make_unique<asio::io_context>();
  io_thread_ = std::thread([this] {
    const auto work = asio::make_work_guard(*io_);
    io_->run();
  });
  ClientOptions options;
  options.port = broker_.port("native");
  options.executor = io_->get_executor();
  for (int i = 0; i < plan_.queues; i += channels_per_connection)
    clients_.push_back(must(Client::connect(options), "connect"));
  consumers_.resize(names_.size());
  ask_all(plan_.queues, "consumer", [&](int i, auto done) {
    const auto at = static_cast<std::size_t>(i);
    ConsumerOptions consumer{.queue = names_[at], .prefetch = prefetch};
    consumer.on_delivery = [this](Delivery delivery) { take(std::move(delivery)); };
    Consumer::open(clients_[at / channels_per_connection], std::move(consumer), [this, at, done](Result<Consumer> opened) {
      if (opened) consumers_[at] = *opened;
      done(opened ? nullptr : &opened.error());
    });
  });
}

void ManyQueues::unsubscribe() {
  if (!io_) return;
  for (auto& client : clients_) (void)client.close();
  {
    const std::lock_guard lock(mutex_);
    deliveries_.clear();
  }
  consumers_.clear();
  clients_.clear();
  io_->stop();
  io_thread_.join();
  io_.reset();
}

void ManyQueues::flush_acks() {
  ask_all(plan_.queues, "ack", [&](int i, auto done) {
    consumers_[static_cast<std::size_t>(i)].flush(
        [done](const Result<>& flushed) { done(flushed ? nullptr : &flushed.error()); });
  });
}

template <class Allowed, class Done>
void ManyQueues::ack_along(Allowed allowed, Done done, const Progress& progress, double goal) {
  std::vector<Delivery> batch;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      const auto can_go_on = [&] { return stop_ || done() || (!deliveries_.empty() && acked_ < allowed()); };
      if (!changed_.wait_for(lock, silence_max, can_go_on)) throw Failure("nothing was delivered for 2 minutes");
      if (stop_ || done()) return;
      const auto count = std::min<std::uint64_t>({deliveries_.size(), acks_at_a_time, allowed() - acked_});
      const auto end = deliveries_.begin() + static_cast<std::ptrdiff_t>(count);
      batch.assign(std::make_move_iterator(deliveries_.begin()), std::make_move_iterator(end));
      deliveries_.erase(deliveries_.begin(), end);
    }
    const auto count = batch.size();
    Consumer::ack_all(batch);
    const std::lock_guard lock(mutex_);
    acked_ += count;
    changed_.notify_all();
    progress(static_cast<double>(acked_) / goal);
  }
}

std::uint64_t ManyQueues::flow(double seconds) {
  posted_ = acked_ = 0;
  stop_ = false;
  bool all_posted = false;
  const Client client = broker_.connect();
  auto publisher = must(Publisher::open(client), "publisher");
  auto acking = std::async(std::launch::async, [&] {
    ack_along([&] { return posted_; }, [&] { return all_posted && acked_ == posted_; }, [](double) {}, 1);
  });
  try {
    const auto begin = Clock::now();
    while (seconds_since(begin) < seconds) {
      for (std::uint64_t i = 0; i < messages_at_a_time; ++i) publish_in_turn(publisher, turn_++);
      std::unique_lock lock(mutex_);
      posted_ += messages_at_a_time;
      changed_.notify_all();
      changed_.wait_for(lock, silence_max, [&] { return posted_ <= acked_ + plan_.in_flight_max; });
      if (posted_ > acked_ + plan_.in_flight_max) throw Failure("nothing was acked for 2 minutes");
    }
    must(publisher.flush(), "publish");
  } catch (...) {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
      changed_.notify_all();
    }
    acking.wait();
    throw;
  }
  {
    const std::lock_guard lock(mutex_);
    all_posted = true;
    changed_.notify_all();
  }
  acking.get();
  flush_acks();
  return posted_;
}

void ManyQueues::drain(std::uint64_t count, const Progress& progress) {
  acked_ = 0;
  stop_ = false;
  ack_along([&] { return count; }, [&] { return acked_ == count; }, progress, static_cast<double>(count));
  flush_acks();
}

std::uint64_t ManyQueues::waiting() const {
  std::uint64_t ready = 0;
  for (const auto& queue : must(broker_.connect().ask(DescribeQueues{}), "describe")) ready += queue.ready;
  return ready;
}

}  // namespace tandem::bench
