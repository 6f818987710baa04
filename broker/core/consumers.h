// Consumers of queues: whose turn it is. Those of higher priority come first, those of one priority in turn.
// Session state: a restart forgets it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/base/ring.h"
#include "broker/core/connections.h"
#include "broker/core/id_table.h"

namespace tandem::core {

struct Consumer {
  Channel* channel = nullptr;
  std::uint64_t number = 0;
  std::string tag;  // for listings
  QueueId queue;
  bool no_ack = false, exclusive = false;
  bool started = true;         // false: its subscription is not answered yet
  bool active = true;          // false: waits behind the single active consumer
  std::uint32_t prefetch = 0;  // as asked for; 0 = none
  std::optional<DurationMs> timeout;  // its own x-consumer-timeout (0 = never); none = the queue's
  std::int32_t priority = 0;
  std::uint32_t unsettled = 0;
  bool in_line = false;
  bool is_gone = false;  // cancelled: Channel::gone_consumers

  /// How many more it may hold now.
  std::uint32_t credit() const;
  /// Without acks it uses up no credit, but waits like the others while its channel is full.
  bool can_take() const {
    const bool has_room = no_ack ? !channel->is_full() : credit() > 0;
    return has_room && started && active && channel->connection->writable;
  }
};

/// A Get or Peek that waits until the front of its queue is in RAM and on disk.
struct ParkedGet {
  Caller who;
  bool no_ack = false;
  bool is_peek = false;
  std::uint32_t skip = 0, count = 0;  // of a peek
};

class QueueConsumers {
 public:
  void add(Consumer* consumer);
  /// Makes the next one active where only one may be.
  void remove(Consumer* consumer, bool single_active);
  /// Puts a consumer that can take a message (again) into the line if it is not there; false when it cannot.
  bool line_up(Consumer* consumer);
  /// The next that can take a message, out of the line; nullptr when none can.
  Consumer* take_next();
  /// Back into the line: at its end after a delivery, at its front when nothing was delivered.
  void put_at_end(Consumer* consumer);
  void put_at_front(Consumer* consumer);
  /// About how many messages would be taken at once; 0 = nobody waits.
  std::uint64_t waiting_credit() const;
  /// For a message: one that would take it, or a Get.
  bool is_waiting() const { return !parked_gets.empty() || waiting_credit() > 0; }
  /// In order of priority, then of subscription.
  const std::vector<Consumer*>& all() const { return all_; }

  Ring<ParkedGet> parked_gets;

 private:
  struct Band {
    std::int32_t priority = 0;
    Ring<Consumer*> line;
  };
  Band& band(std::int32_t priority);

  std::vector<Consumer*> all_;
  std::vector<Band> bands_;  // priority descending
};

class Consumers {
 public:
  QueueConsumers* find(QueueId queue) { return queues_.find(queue); }
  const QueueConsumers* find(QueueId queue) const { return queues_.find(queue); }
  QueueConsumers& find_or_add(QueueId queue) {
    if (QueueConsumers* consumers = queues_.find(queue)) return *consumers;
    return queues_.put(queue, std::make_unique<QueueConsumers>());
  }
  void forget(QueueId queue) { queues_.erase(queue); }
  std::size_t count(QueueId queue) const {
    const QueueConsumers* consumers = queues_.find(queue);
    return consumers ? consumers->all().size() : 0;
  }

 private:
  IdTable<QueueId, QueueConsumers> queues_;
};

}  // namespace tandem::core
