// Messages through queues: publishers and consumers that run for a time, then until everything is acked on disk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/broker.h"
#include "bench/workloads.h"

namespace tandem::bench {

struct FlowPlan {
  std::size_t body_size_bytes = 100;
  int publishers = 1, consumers = 1;  // threads
  int queues = 1;                     // each takes its share of the messages
  std::string exchange{};             // "" = straight into the queues, in turn
  std::string routing_key{};          // with an exchange
  int copies = 1;                     // queues that get each message
  std::uint32_t prefetch = 10'000;
  /// Messages that are published and not acked: more wait at the publisher. Without it a publisher that is faster than
  /// its consumer would measure the filling of a backlog.
  std::uint64_t in_flight_max = 20'000;
};

/// Declares `plan.queues` queues named flow.0, flow.1, …
void declare_queues(const Client& client, const FlowPlan& plan);

/// Runs the flow for the settings' seconds after a warm-up. value: messages per second that were published, confirmed,
/// delivered and acked, the acks confirmed too.
Outcome run_flow(const Broker& broker, const Settings& settings, const FlowPlan& plan);

/// The CPU and time between its making and finish().
class Stretch {
 public:
  explicit Stretch(const Broker& broker);
  /// Fills seconds, broker, client_cpu_s and others_cores.
  void finish(Outcome& outcome) const;

 private:
  const Broker& broker_;
  const ProcessUse before_;
  const double client_before_s_, machine_before_s_;
  const Clock::time_point begin_;
};

}  // namespace tandem::bench
