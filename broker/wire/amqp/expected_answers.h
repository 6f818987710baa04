// A channel's requests that are not answered yet, in the order they came: AMQP answers in that order. What
// the face can answer by itself waits here too, behind what the core is still busy with.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "broker/wire/amqp/link.h"

namespace tandem::wire::amqp {

struct ExpectedAnswer {
  std::uint32_t serial = 0;  // what the core echoes
  Method request = Method::none;
  bool silent = false;         // nowait: nothing is said when all went well
  std::string name;            // consumer tag, or the queue's name, where the answer repeats it
  std::uint64_t consumer = 0;  // basic.consume: the number in Deliver
  bool answered = false;
  std::vector<std::byte> reply{};  // whole frames, once answered
};

class ExpectedAnswers {
 public:
  ExpectedAnswers(Link& link, std::uint16_t channel) : link_(link), channel_(channel) {}

  void expect(ExpectedAnswer answer) { waiting_.push_back(std::move(answer)); }

  /// nullptr when nothing waits under this serial: an answer to a channel that was closed since.
  ExpectedAnswer* find(std::uint32_t serial);

  /// The request found() gave is answered by `method`; `values` as for append_method.
  void answer(ExpectedAnswer& request, Method method, std::initializer_list<FieldValue> values);
  /// Like answer(), with frames that are made already.
  void answer_with(ExpectedAnswer& request, std::vector<std::byte> frames);
  /// An answer that does not need the core.
  void answer_now(Method method, std::initializer_list<FieldValue> values);

  bool empty() const { return waiting_.empty(); }
  /// True when the next answer to be said is this one.
  bool is_next(const ExpectedAnswer& request) const { return &request == &waiting_.front(); }
  void clear() { waiting_.clear(); }

 private:
  void say_what_is_ready();

  Link& link_;
  std::uint16_t channel_;
  std::vector<ExpectedAnswer> waiting_;  // nearly always empty or one
};

}  // namespace tandem::wire::amqp
