// One call of Broker::handle, as the deciding code sees it: const state to look at, records and sends to give.
//
// Every verb is a free function in a file of its own:  void publish(Turn& turn, const Publish& input);
#pragma once

#include "broker/core/broker.h"
#include "broker/core/pending.h"
#include "broker/core/session.h"
#include "broker/core/state.h"

namespace tandem::core {

class Turn {
 public:
  Turn(State& state, Session& session, Pending& pending, Outputs& out, TimestampMs now)
      : state_(state), session_(session), pending_(pending), out_(out), now_(now) {}

  const State& state() const { return state_; }
  Session& session() { return session_; }
  TimestampMs now() const { return now_; }

  /// Applies the record now, and gives it to the rim. The first durable record of a call opens a new turn number.
  /// Remembers what becomes visible when it is on disk (queue of an Enqueued, partition of an Appended).
  void record(Record record);

  /// An answer to a request. Said when this turn's records so far are on disk, and never before an earlier answer
  /// on the same channel.
  void answer(const Caller& who, Send send);
  /// Like answer(), for a refusal: nothing was recorded, but the order of answers is kept.
  void refuse(const Caller& who, Refusal refusal);
  /// Said when this turn's records are on disk, in no order with other answers.
  void say(Send send);
  /// Said at once: deliveries, long polls that were answered, requests to the rim.
  void say_now(Send send);

  /// The number this call's durable records are written with; 0 while there are none.
  TurnNumber number() const { return out_.turn; }

 private:
  State& state_;
  Session& session_;
  Pending& pending_;
  Outputs& out_;
  TimestampMs now_;
};

}  // namespace tandem::core
