// One call of Broker::handle, as the deciding code sees it: const state to look at, records and sends to
// give.
//
// Every verb is a free function in a file of its own:  void handle(Turn& turn, const Publish& input);
#pragma once

#include <utility>

#include "broker/core/broker.h"
#include "broker/core/pending.h"
#include "broker/core/session.h"
#include "broker/core/state.h"

namespace tandem::core {

class Turn {
 public:
  Turn(State& state, Session& session, Pending& pending, const BrokerOptions& options, Outputs& out,
       TimestampMs now)
      : state_(state), session_(session), pending_(pending), options_(options), out_(out), now_(now) {}

  const State& state() const { return state_; }
  Session& session() { return session_; }
  const Session& session() const { return session_; }
  Pending& pending() { return pending_; }
  const BrokerOptions& options() const { return options_; }
  /// So many entries at each queue's front are in RAM, so that consumers have something while the next run is read. Where there
  /// are thousands of queues fewer of each: all fronts together have half of the room for entries.
  std::size_t front_entries() const;
  TimestampMs now() const { return now_; }

  /// Applies the record now, and gives it to the rim. The first durable record of a call opens a new turn
  /// number. Remembers what becomes visible when it is on disk (queue of an Enqueued, partition of an
  /// Appended).
  template <class R>
  void record(R&& record) {
    note_and_apply(out_.records.emplace_back(std::forward<R>(record)));
  }

  /// An answer to a request. Said when this turn's records so far are on disk, and never before an earlier
  /// answer on the same channel.
  void answer(const Caller& who, Send send);
  /// Like answer(), for a refusal: nothing was recorded, but the order of answers is kept.
  void refuse(const Caller& who, Refusal refusal);
  /// Says what waited for turns that are on disk now.
  void say_due_answers() { pending_.say_what_is_due(session_.connections, out_); }
  /// An answer that was held behind a Get of its channel.
  void answer_held(Channel& channel, HeldAnswer held);
  /// Answers of this call wait for all that was recorded before it too: they tell of it.
  void wait_for_earlier_turns() { answers_wait_for_ = state_.counters.turn; }
  /// Said when this turn's records are on disk, in no order with other answers.
  void say(Send send);
  /// Said when every answer that was given so far is out, also those that wait for turns before this one.
  void say_behind_answers(Send send);
  /// Said at once: deliveries, long polls that were answered, requests to the rim.
  template <class S>
  void say_now(S&& send) {
    out_.sends.emplace_back(std::forward<S>(send));
  }

  /// The number this call's durable records are written with; 0 while there are none.
  TurnNumber number() const { return number_; }

  /// What a restart builds anew of a queue; nullptr when there is no such queue.
  QueueLife* life(QueueId queue) { return state_.queues.life(queue); }
  /// The queue is looked at before this call ends: deliveries, expiry, limits.
  void mark(QueueId queue);

  // For the rim's reports: storage says where bytes are now, which is in the checkpoint already and needs no
  // record.
  void apply_homes(const CheckpointDone& done);
  void checkpoint(CheckpointState& out);

 private:
  void note_and_apply(const Record& record);
  void note(const Record& record);
  void touch(QueueId queue);

  State& state_;
  Session& session_;
  Pending& pending_;
  const BrokerOptions& options_;
  Outputs& out_;
  TimestampMs now_;
  TurnNumber number_ = 0;
  TurnNumber answers_wait_for_ = 0;
};

}  // namespace tandem::core
