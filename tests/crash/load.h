// The mixed load of the crash test: clients of both modes on one broker, which may die at any moment.
// Everything that the clients are told goes into the histories.
//
// The places:
//   exchange crash.fan (fanout) → queues crash.a, crash.b and crash.c, topic crash.history             (History fan)
//     published to by the native client and by AMQP; crash.c is consumed by AMQP, its acks in AMQP transactions
//   queue crash.in → one transaction per message: ack it, publish to crash.out, append to topic crash.ledger
//   on the expected version, commit the group's offset                                               (History moved)
//   topic crash.log ← an idempotent Kafka producer, which sends some batches twice                   (History log)
#pragma once

#include <atomic>
#include <chrono>
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
  History fan{{"crash.a", "crash.b", "crash.c", "crash.history"}};
  History in{{"crash.in"}};
  History moved{{"crash.out", "crash.ledger"}};
  History log{{"crash.log"}};
  /// A disk without power cannot be read: the broker says of a message that it is unreadable, and it is left unsettled.
  bool power_fails = false;
  /// A disk without space may refuse a batch, which Kafka's clients would send again.
  bool disk_fills = false;
  static constexpr std::uint32_t publishers = 5;
  std::atomic<std::uint64_t> next_number[publishers + 1] = {1, 1, 1, 1, 1, 1};  // per publisher; 0: nobody

  std::vector<History*> all() { return {&fan, &in, &moved, &log}; }
};

struct Ports {
  std::uint16_t native = 0, amqp = 0, kafka = 0;
};

/// Declares the places; safe to repeat.
Result<> declare_places(std::uint16_t port);

/// Runs the load's threads against one life of the broker until stop().
class Load {
 public:
  enum class Backlog : std::uint8_t { grows, stays_short };
  /// `pace`: how long a publisher rests between two publishes. `backlog`: stays_short when crash.out has a consumer, too, and publishers wait for
  /// the consumers of all queues.
  Load(Histories& histories, const Ports& ports, int life, std::uint64_t seed, std::chrono::microseconds pace,
       Backlog backlog = Backlog::grows);
  ~Load() { stop(); }
  void stop();

 private:
  void publish(std::uint32_t publisher, const std::string& exchange, const std::string& routing_key,
               History& history);
  void rest(std::chrono::microseconds pace) const;
  void consume(const std::string& queue, History& history, std::uint64_t seed);
  void move();
  void follow();
  // Other protocols (load_protocols.cpp).
  void publish_amqp(std::uint32_t publisher);
  void consume_amqp(const std::string& queue, std::uint64_t seed);
  void produce_kafka(std::uint32_t publisher);
  Result<Client> connect(const char* name) const;

  Histories& histories_;
  const Ports ports_;
  const int life_;
  const std::chrono::microseconds pace_;
  const Backlog backlog_;
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

/// A message's body: its id and as many letters as its number says, now and then more than a journal block.
std::string body_of(MessageId id);
/// As a topic's record: some make a batch that goes home at once.
std::string record_of(MessageId id);

/// After the last crash: empties every queue and reads every topic from its start.
Result<> drain_all(Histories& histories, std::uint16_t port, int life);

}  // namespace tandem::crash
