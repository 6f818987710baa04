// The requests of one connection that are not answered yet, in their order: responses leave in it, whatever
// order the core answers in. Thread rule: the loop's thread.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "broker/wire/kafka/task.h"

namespace tandem::wire::kafka {

class AnswerLine {
 public:
  /// Requests in flight: beyond it the connection is not read. librdkafka's producers have as many as they
  /// like, Kafka's own broker works on one; a thousand small ones keep a disk busy.
  static constexpr std::size_t requests_max = 1'000;
  /// Bytes of responses that wait for an earlier one: beyond it the connection is not read.
  static constexpr std::size_t held_max_bytes = 8u << 20;

  explicit AnswerLine(Outbox& outbox) : outbox_(outbox) {}

  struct Header {
    std::int32_t correlation = 0;
    std::int16_t version = 0;
    bool flexible = false;         // the response
    bool header_flexible = false;  // its header
  };
  std::uint64_t next_number() const { return first_number_ + slots_.size(); }
  /// `task` has next_number(). It is asked for its response when it is done.
  void push(const Header& header, std::unique_ptr<Task> task);
  /// The last one that was pushed has asked for all that it needs.
  void begun(std::uint64_t number);
  /// The core's answer to a part of a request; ignored when that was answered.
  void take(std::uint64_t request, const core::Send& send, Bodies bodies);

  bool empty() const { return slots_.empty(); }
  /// Of responses that wait.
  std::size_t held_size_bytes() const { return held_size_bytes_; }
  bool full() const { return slots_.size() >= requests_max || held_size_bytes_ > held_max_bytes; }

 private:
  struct Slot {
    Header header;
    std::unique_ptr<Task> task;  // until it is done
    Encoded response;            // then, when it has to wait; without bytes when there is none
  };
  Slot* find(std::uint64_t number);
  void finish(Slot& slot);
  void write_front();
  void write(Encoded& response);

  Outbox& outbox_;
  std::deque<Slot> slots_;
  std::uint64_t first_number_ = 1;  // of slots_.front()
  std::size_t held_size_bytes_ = 0;
};

}  // namespace tandem::wire::kafka
