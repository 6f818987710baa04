// One look at one queue: what is to leave RAM, waiting Gets, deliveries, expiry, overflow, reading ahead, timer, in this order.
#pragma once

#include "broker/core/removals.h"

namespace tandem::core {

class QueueVisit {
 public:
  /// The queue exists.
  QueueVisit(Turn& turn, QueueId id);
  /// False when the call's measure of deliveries is used up and there is more to do.
  bool run();

 private:
  void serve_gets();
  bool serve(const ParkedGet& get);
  void serve_peek(const ParkedGet& peek);
  void give(const ParkedGet& get, Lane& lane);
  void deliver();
  void deliver_one(Consumer& consumer, Lane& lane);
  bool is_full(const Connection& connection) const;
  void hold(Channel& channel, Consumer* consumer, const QueueEntry& entry, DeliveryTag tag);

  bool is_over(const QueueEntry& entry) const;
  /// Removes messages that are over from the lane's front.
  void expire(Lane& lane);
  Lane* next_live_lane();
  void drop_overflow();
  bool is_too_full() const;
  void discard_front(Lane& lane, RemovalReason reason);

  bool may_hand_out(const QueueEntry& entry) const;
  void reserve(QueueSeq from);
  void reserve_ahead();

  void drop_homed();
  bool wants_messages() const;
  void read_ahead();
  void set_timer();
  bool visit_room();
  void set_timer_at(TimestampMs at);

  Turn& turn_;
  const Queue& queue_;
  QueueLife& life_;
  QueueConsumers* consumers_;
  Removals removals_;
  QueueSeq last_delivered_ = 0;
};

}  // namespace tandem::core
