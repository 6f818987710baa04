// The mixed load of the crash test: clients of both modes on one broker, which may die at any moment.
// Everything that the clients are told goes into the histories.
//
// The places:
//   exchange crash.fan (fanout) → queues crash.a and crash.b, topic crash.history          (History fan)
//   queue crash.in → one transaction per message: ack it, publish to crash.out, append to topic crash.ledger
//   on the expected version, commit the group's offset                                             (History
//   moved)
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tandem/tandem.h"
#include "tests/crash/history.h"

namespace tandem::crash {

struct Histories {
  History fan{{"crash.a", "crash.b", "crash.history"}};
  History in{{"crash.in"}};
  History moved{{"crash.out", "crash.ledger"}};
  std::atomic<std::uint64_t> next_number[4] = {1, 1, 1, 1};  // per publisher
};

/// Declares the places; safe to repeat.
Result<> declare_places(std::uint16_t port);

/// Runs the load's threads against one life of the broker until stop().
class Load {
 public:
  Load(Histories& histories, std::uint16_t port, int life, std::uint64_t seed);
  ~Load() { stop(); }
  void stop();

 private:
  void publish(std::uint32_t publisher, const std::string& exchange, const std::string& routing_key,
               History& history);
  void consume(const std::string& queue, std::uint64_t seed);
  void move();
  void follow();
  Result<Client> connect(const char* name) const;

  Histories& histories_;
  const std::uint16_t port_;
  const int life_;
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

/// After the last crash: empties every queue and reads every topic from its start.
Result<> drain_all(Histories& histories, std::uint16_t port, int life);

}  // namespace tandem::crash
