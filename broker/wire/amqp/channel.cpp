#include "broker/wire/amqp/channel.h"

#include <algorithm>

namespace tandem::wire::amqp {
namespace {

/// Publishes of one use of a channel number are counted in this many bits; the rest says which use it is.
constexpr int published_bits = 44;

constexpr std::uint64_t request_number(std::uint32_t serial, Method request) {
  return std::uint64_t{serial} << 32 | static_cast<std::uint32_t>(request);
}

}  // namespace

std::string clean_name(std::string_view name) {
  std::string clean(name);
  std::erase_if(clean, [](char c) { return c == '\r' || c == '\n'; });
  return clean;
}

Channel::Channel(Link& link, std::uint16_t number)
    : link_(link),
      id_{link.connection(), number},
      incarnation_(link.next_incarnation()),
      answers_(link, number),
      assembly_(link),
      confirm_base_(std::uint64_t{incarnation_} << published_bits),
      transaction_(link.transactions_size_bytes) {}

Verdict Channel::take_method(const MethodView& method) {
  switch (method.method()) {
    case Method::channel_flow:
      return flow(method);
    case Method::access_request:
      return access_request(method);
    case Method::exchange_declare:
      return exchange_declare(method);
    case Method::exchange_delete:
      return exchange_delete(method);
    case Method::exchange_bind:
      return exchange_bind(method);
    case Method::exchange_unbind:
      return exchange_unbind(method);
    case Method::queue_declare:
      return queue_declare(method);
    case Method::queue_bind:
      return queue_bind(method);
    case Method::queue_unbind:
      return queue_unbind(method);
    case Method::queue_purge:
      return queue_purge(method);
    case Method::queue_delete:
      return queue_delete(method);
    case Method::basic_qos:
      return basic_qos(method);
    case Method::basic_consume:
      return basic_consume(method);
    case Method::basic_cancel:
      return basic_cancel(method);
    case Method::basic_get:
      return basic_get(method);
    case Method::basic_ack:
      return basic_ack(method);
    case Method::basic_nack:
      return basic_nack(method);
    case Method::basic_reject:
      return basic_reject(method);
    case Method::basic_recover:
    case Method::basic_recover_async:
      return basic_recover(method);
    case Method::confirm_select:
      return confirm_select(method);
    case Method::tx_select:
      return tx_select(method);
    case Method::tx_commit:
      return tx_commit(method);
    case Method::tx_rollback:
      return tx_rollback(method);
    case Method::channel_open:
      return Fault{ReplyCode::channel_error, "second 'channel.open' seen", method.method()};
    default:
      return Fault{ReplyCode::command_invalid, "unimplemented method", method.method()};
  }
}

Verdict Channel::flow(const MethodView& method) {
  if (!method.flag("active")) return Fault{ReplyCode::not_implemented, "active=false", method.method()};
  answers_.answer_now(Method::channel_flow_ok, {true});
  return std::nullopt;
}

/// From before 0-9-1; clients that still ask get the one ticket there is.
Verdict Channel::access_request(const MethodView&) {
  answers_.answer_now(Method::access_request_ok, {1});
  return std::nullopt;
}

void Channel::close_for(const Fault& fault) {
  say_confirms();
  closing_ = true;
  answers_.clear();
  stream_requests_.clear();
  streams_.reset();
  consumers_.clear();
  consumers_by_tag_.clear();
  const auto code = static_cast<std::uint16_t>(fault.code);
  link_.write(id_.number, Method::channel_close,
              {code, reply_text(fault), class_of(fault.method), id_of(fault.method)});
  end();
}

void Channel::end() {
  link_.port().submit(core::ChannelClosed{unanswered(Method::channel_close)});
}

core::Caller Channel::expect(Method request, bool silent, std::string name, std::uint64_t consumer) {
  const std::uint32_t serial = link_.next_request_serial();
  answers_.expect({serial, request, silent, std::move(name), consumer});
  return {id_, request_number(serial, request)};
}

core::Caller Channel::expect(const MethodView& method, std::string name, std::uint64_t consumer) {
  return expect(method.method(), method.flag("nowait"), std::move(name), consumer);
}

core::Caller Channel::unanswered(Method request) const {
  return {id_, request_number(unanswered_serial(), request)};
}

ExpectedAnswer* Channel::answered_by(const core::Caller& who) {
  return answers_.find(static_cast<std::uint32_t>(who.request >> 32));
}

void Channel::answer_unless_nowait(const MethodView& method, Method answer,
                                   std::initializer_list<FieldValue> values) {
  if (!method.flag("nowait")) answers_.answer_now(answer, values);
}

}  // namespace tandem::wire::amqp
