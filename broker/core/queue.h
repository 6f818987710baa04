// Queues and their messages. A queue has two halves:
//   facts  what records say and a restart finds again; only apply() changes them
//   life   the messages in order and what is under way with them; messages are handed out and put back
//   without a
//          record, so Turn::life() gives it to the deciding code, and a restart builds it anew from the facts
//
// A message is in exactly one place: a lane (ready), a channel's unsettled deliveries (consumers.h), or
// `leaving`. Wherever it is, it is in the queue until a Removed record says that it is gone.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "broker/core/deadlines.h"
#include "broker/core/delivery_counts.h"
#include "broker/core/id_table.h"
#include "broker/core/lane.h"
#include "broker/core/left_early.h"
#include "broker/core/marked_queues.h"
#include "broker/core/queue_options.h"
#include "broker/core/record.h"
#include "broker/core/seq_set.h"

namespace tandem::core {

class State;

struct QueueFacts {
  QueueSeq next_seq = 1;
  QueueSeq durable_end = 1;  // one past the newest durable message: where a restart goes on
  /// What has left, and what a restart would not find: volatile messages are in it from the start.
  SeqSet gone;
  QueueSeq delivered_through = 0;
  QueueSeq unclean_through = 0;                  // see QueueState
  DeliveryCounts deliveries;                     // counts that a requeue raised, of durable messages
  bool dirty = false;                            // changed since the last checkpoint
};

/// Waits for its copy in the dead-letter exchange.
struct Leaving {
  QueueEntry entry;
  RemovalReason reason = RemovalReason::rejected;
};

/// Since start; not kept.
struct QueueCounts {
  std::uint64_t accepted = 0, acked = 0, expired = 0, dropped = 0, dead_lettered = 0, purged = 0,
                redelivered = 0;
};

class QueueLife {
 public:
  /// By priority; as many as were needed so far.
  std::vector<Lane> lanes;
  /// Messages below are on disk (or volatile), and may be seen.
  QueueSeq visible_end = 1;
  /// Durable messages up to here may be handed out: the reservation is on disk.
  QueueSeq deliverable_through = 0;
  /// Messages from here on became visible just now: a consumer that waits gets them even when their time is
  /// over.
  QueueSeq fresh_from = no_fresh;
  std::map<QueueSeq, Leaving> leaving;
  LeftEarly left_early;
  /// Of a waiting room (delayed.h): what is held, by the time it is due.
  std::set<std::pair<TimestampMs, QueueSeq>> delays;
  std::uint64_t ready = 0, ready_bytes = 0;  // in lanes, cold and not yet visible ones too
  std::uint64_t cold = 0, cold_bytes = 0;    // of them, not in RAM
  std::uint64_t unsettled = 0, unsettled_bytes = 0;
  /// Of them, those that were given back and take several calls to come (settling.h). Until all are here nothing is handed out, so
  /// that none is overtaken.
  std::uint64_t returning = 0;
  QueueCounts counts;
  TimestampMs unused_since = 0;
  TimestampMs timer_at = never;          // when the queue is looked at again at the latest
  TimestampMs overdue_at = never;        // no delivery is held for too long before (consumer_timeout.h)
  std::uint32_t visibility_pending = 0;  // entries of Pending::queues
  bool had_consumer = false;
  Mark mark = Mark::none;
  bool touched = false;  // messages were added or a reservation made in the current call

  static constexpr QueueSeq no_fresh = ~QueueSeq{0};

  std::uint64_t invisible(const QueueFacts& facts) const { return facts.next_seq - visible_end; }
  std::uint64_t ready_visible(const QueueFacts& facts) const {
    return ready - std::min(ready, invisible(facts));
  }

  Lane& lane(std::uint8_t priority) {
    if (priority >= lanes.size()) lanes.resize(priority + 1u);
    return lanes[priority];
  }
  /// The lane whose front goes next, when that is in RAM and visible; nullptr when nothing can be handed out
  /// now.
  Lane* next_lane();
  void enqueue(const QueueEntry& entry);
  /// The front of a lane leaves it.
  QueueEntry take(Lane& lane);
  /// A message that a lane holds (Lane::hold_front) leaves it.
  std::optional<QueueEntry> take_held(QueueSeq seq);
  /// The message that entered last leaves its lane, early.
  void take_newest(std::uint8_t priority);
  void put_back(const QueueEntry& entry);
  /// The message is gone for good: its run may be.
  void release(const QueueEntry& entry, std::vector<RunId>& emptied);
  /// Entries in RAM that lanes hold.
  std::size_t resident() const;
};

struct Queue {
  QueueDeclared declared;
  QueueOptions options;  // of its arguments and its policy
  std::string policy;    // that applies to it; "" = none
  QueueFacts facts;
  QueueLife life;

  /// Whether a restart finds it again.
  bool is_durable() const { return declared.durable && !declared.exclusive; }
};

class Queues {
 public:
  const Queue* find(QueueId id) const { return queues_.find(id); }
  const IdTable<QueueId, Queue>& all() const { return queues_; }
  std::size_t size() const { return queues_.size(); }
  /// Changes no fact: only what a restart builds anew.
  QueueLife* life(QueueId id) {
    Queue* queue = queues_.find(id);
    return queue ? &queue->life : nullptr;
  }

  // Only for apply(), checkpoints and start-up:
  Queue* change(QueueId id) { return queues_.find(id); }
  void put(const QueueDeclared& declared);
  void erase(QueueId id) { queues_.erase(id); }
  template <class Visit>
  void for_each(Visit visit) {
    queues_.for_each(visit);
  }

 private:
  IdTable<QueueId, Queue> queues_;
};

/// While replaying, messages that are gone are still in their lanes; drops them where that is cheap, so that
/// a long journal does not pile them up.
void drop_gone(Queue& queue);
/// Ends start-up for a queue: drops what is gone, counts what is there, and all of it is visible. Runs of
/// which nothing is left are added to `emptied`.
void wake_up(Queue& queue, TimestampMs now, bool clean, std::vector<RunId>& emptied);
/// The delivery count that a message from the backlog has after what happened since it was written there.
std::uint16_t deliveries_of(const QueueFacts& facts, const QueueEntry& entry, bool from_restart);
/// Where the queue stands, for a checkpoint.
QueueState state_of(const Queue& queue);
/// The same, without the volatile messages behind the last durable one: what the records alone say.
QueueState durable_state_of(const Queue& queue);

}  // namespace tandem::core
