// Acks both ways: basic.ack, nack, reject, recover from the consumer; confirm.select; and tx.*, which makes
// settling and publishing one step.
#include <algorithm>

#include "broker/wire/amqp/channel.h"

namespace tandem::wire::amqp {
namespace {

core::Outcome outcome_of(const MethodView& method) {
  return method.flag("requeue") ? core::Outcome::requeue : core::Outcome::reject;
}

Fault unknown_tag(DeliveryTag tag, Method asked) {
  return {ReplyCode::precondition_failed, "unknown delivery tag " + std::to_string(tag), asked};
}

}  // namespace

Verdict Channel::basic_ack(const MethodView& method) {
  return settle(method.method(), method.number("delivery-tag"), method.flag("multiple"), core::Outcome::ack);
}

Verdict Channel::basic_nack(const MethodView& method) {
  return settle(method.method(), method.number("delivery-tag"), method.flag("multiple"), outcome_of(method));
}

Verdict Channel::basic_reject(const MethodView& method) {
  return settle(method.method(), method.number("delivery-tag"), false, outcome_of(method));
}

Verdict Channel::settle(Method asked, DeliveryTag tag, bool multiple, core::Outcome outcome) {
  if (tag == 0 && !multiple) return unknown_tag(tag, asked);
  if (streams_) return settle_beside_streams(asked, tag, multiple, outcome);
  settled_through_ = std::max(settled_through_, tag == 0 ? last_delivered_ : tag);
  if (mode_ == Mode::transactional) return settle_in_transaction(asked, tag, multiple, outcome);
  link_.port().submit(core::Settle{unanswered(asked), tag, tag, multiple, outcome, false});
  return std::nullopt;
}

/// "All outstanding" means those of now, not those of the commit; there may be none.
Verdict Channel::settle_in_transaction(Method asked, DeliveryTag tag, bool multiple, core::Outcome outcome) {
  if (tag != 0 && (transaction_.claims(tag) || !link_.port().holds(id_, tag))) return unknown_tag(tag, asked);
  const DeliveryTag last = tag == 0 ? last_delivered_ : tag;
  if (last == 0) return std::nullopt;
  return transaction_.add(core::SettleOp{id_, last, last, multiple, outcome, tag == 0});
}

Verdict Channel::take_acks(DeliveryTag first, DeliveryTag last) {
  if (first == last || mode_ == Mode::transactional || streams_) {
    for (DeliveryTag tag = first; tag <= last; ++tag)
      if (Verdict fault = settle(Method::basic_ack, tag, false, core::Outcome::ack)) return fault;
    return std::nullopt;
  }
  settled_through_ = last;
  link_.port().submit(
      core::Settle{unanswered(Method::basic_ack), first, last, false, core::Outcome::ack, false});
  return std::nullopt;
}

bool Channel::may_join_acks(DeliveryTag next) const {
  return all_deliveries_need_ack_ && next > settled_through_ + 1 && next <= last_delivered_;
}

Verdict Channel::basic_recover(const MethodView& method) {
  if (!method.flag("requeue")) return Fault{ReplyCode::not_implemented, "requeue=false", method.method()};
  settled_through_ = last_delivered_;
  if (streams_) streams_->tags.forget_queued();
  link_.port().submit(
      core::Recover{unanswered(method.method()), transaction_.claimed_through(), transaction_.claimed()});
  if (method.method() == Method::basic_recover) answers_.answer_now(Method::basic_recover_ok, {});
  return std::nullopt;
}

Verdict Channel::confirm_select(const MethodView& method) {
  if (mode_ == Mode::transactional)
    return Fault{ReplyCode::precondition_failed, "cannot switch from tx to confirm mode", method.method()};
  mode_ = Mode::confirm;
  answer_unless_nowait(method, Method::confirm_select_ok, {});
  return std::nullopt;
}

Verdict Channel::tx_select(const MethodView& method) {
  if (mode_ == Mode::confirm)
    return Fault{ReplyCode::precondition_failed, "cannot switch from confirm to tx mode", method.method()};
  mode_ = Mode::transactional;
  answers_.answer_now(Method::tx_select_ok, {});
  return std::nullopt;
}

Verdict Channel::tx_commit(const MethodView& method) {
  if (mode_ != Mode::transactional)
    return Fault{ReplyCode::precondition_failed, "channel is not transactional", method.method()};
  if (transaction_.empty()) {
    answers_.answer_now(Method::tx_commit_ok, {});
    return std::nullopt;
  }
  const auto operations =
      transaction_.operations([this](Bytes stored) { return link_.port().stage({stored}); });
  link_.port().submit(core::Transaction{expect(method.method(), false), operations});
  transaction_.clear();
  return std::nullopt;
}

Verdict Channel::tx_rollback(const MethodView& method) {
  if (mode_ != Mode::transactional)
    return Fault{ReplyCode::precondition_failed, "channel is not transactional", method.method()};
  transaction_.clear();
  answers_.answer_now(Method::tx_rollback_ok, {});
  return std::nullopt;
}

}  // namespace tandem::wire::amqp
