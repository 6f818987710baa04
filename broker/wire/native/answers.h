// What the core says, as frames: one function per kind of send.
#pragma once

#include <span>

#include "broker/wire/face.h"
#include "broker/wire/native/asked.h"
#include "broker/wire/native/gathering.h"
#include "broker/wire/native/speaker.h"

namespace tandem::wire::native {

class Answers {
 public:
  Answers(const BrokerPort& port, Speaker& speaker, Unanswered& unanswered)
      : port_(port), speaker_(speaker), unanswered_(unanswered), deliveries_(speaker), confirms_(speaker) {}

  void say(const core::Send& send, std::span<const Body> bodies);
  /// Writes what was gathered.
  void flush();
  /// A nack while publishers are held means the alarm, else a queue's overflow policy.
  void publishers_held(bool held) { held_ = held; }

 private:
  using Bodies = std::span<const Body>;

  void on(const core::Deliver& s, Bodies bodies);
  void on(const core::Confirmed& s, Bodies);
  void on(const core::Ok& s, Bodies);
  void on(const core::Refused& s, Bodies);
  void on(const core::QueueOk& s, Bodies);
  void on(const core::Committed& s, Bodies);
  void on(const core::Returned& s, Bodies bodies);
  void on(const core::GotMessage& s, Bodies bodies);
  void on(const core::GotNothing& s, Bodies);
  void on(const core::Peeked& s, Bodies bodies);
  void on(const core::ConsumerCancelled& s, Bodies);
  // answers_topic.cpp
  void on(const core::TopicOk& s, Bodies);
  void on(const core::AppendedOk& s, Bodies);
  void on(const core::Fetched& s, Bodies bodies);
  void on(const core::OffsetListed& s, Bodies);
  void on(const core::TrimmedOk& s, Bodies);
  void on(const core::ProducerOk& s, Bodies);
  void on(const core::OffsetsCommittedOk& s, Bodies);
  void on(const core::OffsetsDeletedOk& s, Bodies);
  void on(const core::OffsetsFetched& s, Bodies);
  void on(const core::Joined& s, Bodies);
  void on(const core::Synced& s, Bodies);
  void on(const core::GroupHeartbeatOk& s, Bodies);
  void on(const core::GroupLeft& s, Bodies);
  // listings.cpp
  void on(const core::Described& s, Bodies);
  /// Requests to the rim, and answers to what this face never asks.
  template <class Other>
  void on(const Other&, Bodies) {}

  /// Says the message built, unless the request wanted no answer.
  template <class Message>
  void answer(const core::Caller& who, flatbuffers::Offset<Message> message, std::size_t payload_size = 0) {
    speaker_.say(number_of(who.request), who.channel.number, message, payload_size);
  }
  /// Whether an answer is wanted and was not said already in part (a settle of several ranges).
  bool wants_answer(const core::Caller& who);
  bool refused_before(std::uint64_t correlation, bool forget);
  std::int32_t operation_index(const core::Caller& who, std::int32_t operation);

  const BrokerPort& port_;
  Speaker& speaker_;
  Unanswered& unanswered_;
  DeliverGathering deliveries_;
  ConfirmGathering confirms_;
  bool held_ = false;
};

/// Says a Described answer, in as many frames as it takes (listings.cpp).
void say_listing(Speaker& speaker, const BrokerPort& port, const core::Described& described);

}  // namespace tandem::wire::native
