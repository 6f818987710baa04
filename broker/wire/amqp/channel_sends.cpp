// What the core says to a channel → methods. An answer or delivery to a channel that was closed since, or to
// an earlier use of its number, finds no one who expects it and is dropped.
#include <algorithm>

#include "broker/wire/amqp/channel.h"

namespace tandem::wire::amqp {
namespace {

/// Frames that were written aside, as one piece.
std::vector<std::byte> take_all(Outbox& outbox) {
  std::vector<std::byte> all;
  std::vector<Bytes> pieces;
  while (!outbox.empty()) {
    pieces.clear();
    outbox.gather(pieces, 64);
    std::size_t taken = 0;
    for (const Bytes piece : pieces) {
      all.insert(all.end(), piece.begin(), piece.end());
      taken += piece.size();
    }
    outbox.consume(taken);
  }
  return all;
}

std::optional<MessageParts> readable(const Body& body) {
  return body.error == ErrorCode::none ? parse_message(body.bytes) : std::nullopt;
}

/// Consumers of a quorum queue are told how often a message came back, as RabbitMQ tells them: once it did.
std::optional<std::vector<std::byte>> with_count(const MessageParts& message, std::uint16_t deliveries) {
  if (deliveries == 0) return std::nullopt;
  return with_header(message.properties, "x-delivery-count", Value(std::int64_t{deliveries}));
}

/// Damage is reported, never served; the message stays where it is.
Fault unreadable(Method said) {
  return {ReplyCode::internal_error, "a stored message cannot be read: its checksum is wrong", said};
}

}  // namespace

Verdict Channel::take(const core::Deliver& deliver, const Body& body) {
  Consumer* consumer = find_consumer(deliver.consumer);
  if (consumer == nullptr) return std::nullopt;
  auto message = readable(body);
  if (!message) return unreadable(Method::basic_deliver);
  const DeliveryTag tag = said_tag(deliver.tag);
  last_delivered_ = std::max(last_delivered_, tag);
  if (consumer->no_ack) all_deliveries_need_ack_ = false;
  const auto counted = deliver.tells_count ? with_count(*message, deliver.deliveries) : std::nullopt;
  if (counted) message->properties = *counted;
  write_deliver(link_.content_target(id_.number), {consumer->tag, tag, deliver.deliveries > 0}, *message, body.owner);
  return std::nullopt;
}

Verdict Channel::take(const core::GotMessage& got, const Body& body) {
  ExpectedAnswer* request = answered_by(got.who);
  if (request == nullptr) return std::nullopt;
  auto message = readable(body);
  if (!message) return unreadable(Method::basic_get);
  const DeliveryTag tag = said_tag(got.tag);
  last_delivered_ = std::max(last_delivered_, tag);
  const Delivery delivery{{}, tag, got.deliveries > 0};
  const auto counted = got.tells_count ? with_count(*message, got.deliveries) : std::nullopt;
  if (counted) message->properties = *counted;
  ContentTarget target = link_.content_target(id_.number);
  Outbox aside;
  if (!answers_.is_next(*request)) target.outbox = &aside;
  write_get_ok(target, delivery, got.ready, *message, body.owner);
  answers_.answer_with(*request, take_all(aside));
  return std::nullopt;
}

Verdict Channel::take(const core::GotNothing& nothing) {
  if (ExpectedAnswer* request = answered_by(nothing.who))
    answers_.answer(*request, Method::basic_get_empty, {});
  return std::nullopt;
}

Verdict Channel::take(const core::Returned&, const Body& body) {
  if (closing_) return std::nullopt;
  const auto message = readable(body);
  if (!message) return unreadable(Method::basic_publish);
  write_return(link_.content_target(id_.number), *message, body.owner);
  return std::nullopt;
}

Verdict Channel::take(const core::Ok& ok) {
  ExpectedAnswer* request = answered_by(ok.who);
  if (request == nullptr) return std::nullopt;
  // The core delivers to a consumer only after its subscription is answered.
  if (request->request == Method::basic_consume) {
    (void)take_stream_request(request->consumer);
    answers_.answer(*request, Method::basic_consume_ok, {request->name});
  } else if (request->request == Method::basic_cancel) {
    forget_consumer(request->consumer);
    answers_.answer(*request, Method::basic_cancel_ok, {request->name});
  } else {
    answers_.answer(*request, answer_of(request->request), {});
  }
  return std::nullopt;
}

Verdict Channel::take(const core::QueueOk& ok) {
  ExpectedAnswer* request = answered_by(ok.who);
  if (request == nullptr) return std::nullopt;
  const auto count = std::min<std::uint64_t>(ok.ready, UINT32_MAX);
  if (request->request == Method::queue_declare) {
    answers_.answer(*request, Method::queue_declare_ok, {ok.name, count, ok.consumers});
  } else {
    answers_.answer(*request, answer_of(request->request), {count});
  }
  return std::nullopt;
}

Verdict Channel::take(const core::Committed& committed) {
  if (ExpectedAnswer* request = answered_by(committed.who))
    answers_.answer(*request, Method::tx_commit_ok, {});
  return std::nullopt;
}

Verdict Channel::take(const core::Refused& refused) {
  const auto asked = static_cast<Method>(static_cast<std::uint32_t>(refused.who.request));
  const auto serial = static_cast<std::uint32_t>(refused.who.request >> 32);
  const ExpectedAnswer* request = answers_.find(serial);
  if (request == nullptr && serial != unanswered_serial()) return std::nullopt;
  if (asked == Method::basic_consume && refused.refusal.code == ErrorCode::not_supported &&
      refused.refusal.object == core::ObjectKind::topic)
    return begin_stream(refused);
  if (request != nullptr && asked == Method::queue_bind && refused.refusal.argument == "x-match")
    return Fault{ReplyCode::precondition_failed, request->name, asked};
  return fault_of(refused.refusal, asked);
}

Verdict Channel::take(const core::Confirmed& confirmed) {
  const bool of_now =
      confirmed.first > confirm_base_ && confirmed.last <= confirm_base_ + published_;
  if (mode_ != Mode::confirm || !of_now) return std::nullopt;
  const std::uint64_t first = confirmed.first - confirm_base_, last = confirmed.last - confirm_base_;
  if (confirmed.nack) {
    say_nacks(first, last);
  } else {
    confirms_.confirm(first, last);
  }
  return std::nullopt;
}

/// What was refused is said one by one, behind the acks that came before it.
void Channel::say_nacks(std::uint64_t first, std::uint64_t last) {
  say_confirms();
  for (std::uint64_t tag = first; tag <= last; ++tag)
    link_.write(id_.number, Method::basic_nack, {tag, false, false});
  confirms_.confirm_said(first, last);
}

void Channel::say_confirms() {
  std::vector<ConfirmToSay> answers;
  confirms_.take(answers);
  for (const ConfirmToSay& answer : answers)
    link_.write(id_.number, Method::basic_ack, {answer.tag, answer.multiple});
}

Verdict Channel::take(const core::ConsumerCancelled& cancelled) {
  Consumer* consumer = find_consumer(cancelled.consumer);
  if (consumer == nullptr) return std::nullopt;
  const std::string tag = consumer->tag;
  forget_consumer(cancelled.consumer);
  if (link_.capabilities.consumer_cancel_notify) link_.write(id_.number, Method::basic_cancel, {tag, true});
  return std::nullopt;
}

}  // namespace tandem::wire::amqp
