// Thousands of queues with a consumer each: more than one connection has channels for, and more than a thread can ask in
// turn, so deliveries come by callback and one thread acks them.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/broker.h"

namespace tandem::bench {

struct ManyPlan {
  int queues = 10'000;
  std::size_t body_size_bytes = 100;
  std::uint32_t prefetch = 10;           // of each consumer
  std::uint64_t in_flight_max = 20'000;  // published by flow() and not acked
  bool in_turn = true;                   // one queue after the other; false: all over the place
};

/// One thread at a time. Failures of the broker or of the load are thrown by the call that meets them.
class ManyQueues {
 public:
  using Progress = std::function<void(double share)>;

  ManyQueues(Broker& broker, const ManyPlan& plan);
  ~ManyQueues();
  ManyQueues(const ManyQueues&) = delete;
  ManyQueues& operator=(const ManyQueues&) = delete;

  void declare();
  /// Publishes `count` messages, over all queues in turn, and waits for their confirms.
  void fill(std::uint64_t count, const Progress& progress);
  /// One consumer for each queue.
  void subscribe(std::uint32_t prefetch);
  /// Ends them; what they held goes back to its queue. Every ack that was given is on disk.
  void unsubscribe();
  /// Publishes for so long and acks as many of the oldest messages as it publishes: what waits is not made less. Returns
  /// how many were published, confirmed, and so many others delivered and acked.
  std::uint64_t flow(double seconds);
  /// Takes `count` messages; every ack is on disk when it returns.
  void drain(std::uint64_t count, const Progress& progress);
  /// Ready messages of all queues, as the broker counts them.
  std::uint64_t waiting() const;

 private:
  void publish_in_turn(Publisher& publisher, std::uint64_t number);
  void take(Delivery delivery);
  /// Acks what comes until `acked_` is `allowed()`, whose growing is told by `changed_`.
  template <class Allowed, class Done>
  void ack_along(Allowed allowed, Done done, const Progress& progress, double goal);
  void flush_acks();

  Broker& broker_;
  const ManyPlan plan_;
  std::vector<std::string> names_;
  const std::string body_;
  std::uint64_t turn_ = 0;  // which queue is next

  // Of the consumers: one I/O thread for all connections.
  std::unique_ptr<asio::io_context> io_;
  std::thread io_thread_;
  std::vector<Client> clients_;
  std::vector<Consumer> consumers_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Delivery> deliveries_;
  std::uint64_t posted_ = 0, acked_ = 0;
  bool stop_ = false;
};

}  // namespace tandem::bench
