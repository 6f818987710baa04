#include "broker/wire/amqp/expected_answers.h"

#include <algorithm>

namespace tandem::wire::amqp {

ExpectedAnswer* ExpectedAnswers::find(std::uint32_t serial) {
  const auto found = std::ranges::find(waiting_, serial, &ExpectedAnswer::serial);
  return found == waiting_.end() || found->answered ? nullptr : &*found;
}

void ExpectedAnswers::answer(ExpectedAnswer& request, Method method,
                             std::initializer_list<FieldValue> values) {
  std::vector<std::byte> frames;
  if (!request.silent) append_method(frames, channel_, method, values);
  answer_with(request, std::move(frames));
}

void ExpectedAnswers::answer_with(ExpectedAnswer& request, std::vector<std::byte> frames) {
  request.answered = true;
  request.reply = std::move(frames);
  say_what_is_ready();
}

void ExpectedAnswers::answer_now(Method method, std::initializer_list<FieldValue> values) {
  if (waiting_.empty()) return link_.write(channel_, method, values);
  ExpectedAnswer ready;
  ready.answered = true;
  append_method(ready.reply, channel_, method, values);
  waiting_.push_back(std::move(ready));
}

void ExpectedAnswers::say_what_is_ready() {
  const auto first_open = std::ranges::find(waiting_, false, &ExpectedAnswer::answered);
  for (auto ready = waiting_.begin(); ready != first_open; ++ready) link_.outbox().write(ready->reply);
  waiting_.erase(waiting_.begin(), first_open);
}

}  // namespace tandem::wire::amqp
