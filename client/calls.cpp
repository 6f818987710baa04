#include "client/calls.h"

#include <utility>

namespace tandem::client {
namespace {

class SingleAnswer final : public AnswerHandler {
 public:
  explicit SingleAnswer(MoveFunction<void(Result<const Answer*>)> handle) : handle_(std::move(handle)) {}
  bool answer(const Answer& answer) override {
    handle_(&answer);
    return true;
  }
  void fail(Error error) override { handle_(std::move(error)); }

 private:
  MoveFunction<void(Result<const Answer*>)> handle_;
};

}  // namespace

std::unique_ptr<AnswerHandler> on_answer(MoveFunction<void(Result<const Answer*>)> handle) {
  return std::make_unique<SingleAnswer>(std::move(handle));
}

Error error_of(const fb::Refused& refused) {
  Error error{static_cast<ErrorCode>(refused.code()), owned(refused.text())};
  if (refused.operation() >= 0) error.text += " (operation " + std::to_string(refused.operation()) + ")";
  return error;
}

std::vector<Frame> Calls::take_unsent() {
  std::vector<Frame> frames;
  for (auto& [correlation, call] : calls_) {
    if (call.sent) continue;
    call.sent = true;
    if (call.repeatable)
      frames.push_back(call.frame);
    else
      frames.push_back(std::move(call.frame));
  }
  return frames;
}

void Calls::answer(const Answer& answer) {
  const auto found = calls_.find(answer.envelope.correlation());
  if (found == calls_.end()) return;  // given up before
  if (const auto* refused = answer.envelope.message_as_Refused())
    return fail(found->first, error_of(*refused));
  auto node = calls_.extract(found);  // the handler may add calls, or end them all
  if (!node.mapped().handler->answer(answer)) calls_.insert(std::move(node));
}

void Calls::fail(std::uint64_t correlation, Error error) {
  const auto node = calls_.extract(correlation);
  if (node) node.mapped().handler->fail(std::move(error));
}

void Calls::connection_lost(const Error& why) {
  std::vector<std::uint64_t> lost;
  for (auto& [correlation, call] : calls_) {
    if (!call.sent) continue;
    call.sent = false;
    if (call.repeatable)
      call.handler->restart();
    else
      lost.push_back(correlation);
  }
  for (const auto correlation : lost)
    fail(correlation, {ErrorCode::unavailable, why.text + "; whether the request happened is not known"});
}

void Calls::fail_all(const Error& why) {
  while (!calls_.empty()) fail(calls_.begin()->first, why);
}

}  // namespace tandem::client
