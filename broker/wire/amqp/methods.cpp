#include "broker/wire/amqp/methods.h"

#include <algorithm>

namespace tandem::wire::amqp {
namespace {

constexpr Field octet(std::string_view name) {
  return {FieldType::octet, name};
}
constexpr Field short_int(std::string_view name) {
  return {FieldType::short_int, name};
}
constexpr Field long_int(std::string_view name) {
  return {FieldType::long_int, name};
}
constexpr Field long_long(std::string_view name) {
  return {FieldType::long_long, name};
}
constexpr Field short_text(std::string_view name) {
  return {FieldType::short_text, name};
}
constexpr Field long_text(std::string_view name) {
  return {FieldType::long_text, name};
}
constexpr Field bit(std::string_view name) {
  return {FieldType::bit, name};
}
constexpr Field table(std::string_view name) {
  return {FieldType::table, name};
}

constexpr Field ticket = short_int("");
constexpr Field reply_code = short_int("reply-code"), reply_text = short_text("reply-text");
constexpr Field failing_class = short_int("class-id"), failing_method = short_int("method-id");
constexpr Field exchange = short_text("exchange"), routing_key = short_text("routing-key");
constexpr Field queue = short_text("queue"), consumer_tag = short_text("consumer-tag");
constexpr Field delivery_tag = long_long("delivery-tag"), multiple = bit("multiple"),
                requeue = bit("requeue");
constexpr Field nowait = bit("nowait"), arguments = table("arguments");
constexpr Field message_count = long_int("message-count");
constexpr Field source = short_text("source"), destination = short_text("destination");

constexpr MethodInfo rows[] = {
    {Method::connection_start,
     "connection.start",
     {octet("version-major"), octet("version-minor"), table("server-properties"), long_text("mechanisms"),
      long_text("locales")}},
    {Method::connection_start_ok,
     "connection.start-ok",
     {table("client-properties"), short_text("mechanism"), long_text("response"), short_text("locale")}},
    {Method::connection_secure, "connection.secure", {long_text("challenge")}},
    {Method::connection_secure_ok, "connection.secure-ok", {long_text("response")}},
    {Method::connection_tune,
     "connection.tune",
     {short_int("channel-max"), long_int("frame-max"), short_int("heartbeat")}},
    {Method::connection_tune_ok,
     "connection.tune-ok",
     {short_int("channel-max"), long_int("frame-max"), short_int("heartbeat")}},
    {Method::connection_open, "connection.open", {short_text("virtual-host"), short_text(""), bit("")}},
    {Method::connection_open_ok, "connection.open-ok", {short_text("")}},
    {Method::connection_close, "connection.close", {reply_code, reply_text, failing_class, failing_method}},
    {Method::connection_close_ok, "connection.close-ok", {}},
    {Method::connection_blocked, "connection.blocked", {short_text("reason")}},
    {Method::connection_unblocked, "connection.unblocked", {}},
    {Method::connection_update_secret,
     "connection.update-secret",
     {long_text("new-secret"), short_text("reason")}},
    {Method::connection_update_secret_ok, "connection.update-secret-ok", {}},
    {Method::channel_open, "channel.open", {short_text("")}},
    {Method::channel_open_ok, "channel.open-ok", {long_text("")}},
    {Method::channel_flow, "channel.flow", {bit("active")}},
    {Method::channel_flow_ok, "channel.flow-ok", {bit("active")}},
    {Method::channel_close, "channel.close", {reply_code, reply_text, failing_class, failing_method}},
    {Method::channel_close_ok, "channel.close-ok", {}},
    {Method::access_request,
     "access.request",
     {short_text("realm"), bit("exclusive"), bit("passive"), bit("active"), bit("write"), bit("read")}},
    {Method::access_request_ok, "access.request-ok", {short_int("ticket")}},
    {Method::exchange_declare,
     "exchange.declare",
     {ticket, exchange, short_text("type"), bit("passive"), bit("durable"), bit("auto-delete"),
      bit("internal"), nowait, arguments}},
    {Method::exchange_declare_ok, "exchange.declare-ok", {}},
    {Method::exchange_delete, "exchange.delete", {ticket, exchange, bit("if-unused"), nowait}},
    {Method::exchange_delete_ok, "exchange.delete-ok", {}},
    {Method::exchange_bind, "exchange.bind", {ticket, destination, source, routing_key, nowait, arguments}},
    {Method::exchange_bind_ok, "exchange.bind-ok", {}},
    {Method::exchange_unbind,
     "exchange.unbind",
     {ticket, destination, source, routing_key, nowait, arguments}},
    {Method::exchange_unbind_ok, "exchange.unbind-ok", {}},
    {Method::queue_declare,
     "queue.declare",
     {ticket, queue, bit("passive"), bit("durable"), bit("exclusive"), bit("auto-delete"), nowait,
      arguments}},
    {Method::queue_declare_ok, "queue.declare-ok", {queue, message_count, long_int("consumer-count")}},
    {Method::queue_bind, "queue.bind", {ticket, queue, exchange, routing_key, nowait, arguments}},
    {Method::queue_bind_ok, "queue.bind-ok", {}},
    {Method::queue_purge, "queue.purge", {ticket, queue, nowait}},
    {Method::queue_purge_ok, "queue.purge-ok", {message_count}},
    {Method::queue_delete, "queue.delete", {ticket, queue, bit("if-unused"), bit("if-empty"), nowait}},
    {Method::queue_delete_ok, "queue.delete-ok", {message_count}},
    {Method::queue_unbind, "queue.unbind", {ticket, queue, exchange, routing_key, arguments}},
    {Method::queue_unbind_ok, "queue.unbind-ok", {}},
    {Method::basic_qos, "basic.qos", {long_int("prefetch-size"), short_int("prefetch-count"), bit("global")}},
    {Method::basic_qos_ok, "basic.qos-ok", {}},
    {Method::basic_consume,
     "basic.consume",
     {ticket, queue, consumer_tag, bit("no-local"), bit("no-ack"), bit("exclusive"), nowait, arguments}},
    {Method::basic_consume_ok, "basic.consume-ok", {consumer_tag}},
    {Method::basic_cancel, "basic.cancel", {consumer_tag, nowait}},
    {Method::basic_cancel_ok, "basic.cancel-ok", {consumer_tag}},
    {Method::basic_publish,
     "basic.publish",
     {ticket, exchange, routing_key, bit("mandatory"), bit("immediate")}},
    {Method::basic_return, "basic.return", {reply_code, reply_text, exchange, routing_key}},
    {Method::basic_deliver,
     "basic.deliver",
     {consumer_tag, delivery_tag, bit("redelivered"), exchange, routing_key}},
    {Method::basic_get, "basic.get", {ticket, queue, bit("no-ack")}},
    {Method::basic_get_ok,
     "basic.get-ok",
     {delivery_tag, bit("redelivered"), exchange, routing_key, message_count}},
    {Method::basic_get_empty, "basic.get-empty", {short_text("")}},
    {Method::basic_ack, "basic.ack", {delivery_tag, multiple}},
    {Method::basic_reject, "basic.reject", {delivery_tag, requeue}},
    {Method::basic_recover_async, "basic.recover-async", {requeue}},
    {Method::basic_recover, "basic.recover", {requeue}},
    {Method::basic_recover_ok, "basic.recover-ok", {}},
    {Method::basic_nack, "basic.nack", {delivery_tag, multiple, requeue}},
    {Method::confirm_select, "confirm.select", {nowait}},
    {Method::confirm_select_ok, "confirm.select-ok", {}},
    {Method::tx_select, "tx.select", {}},
    {Method::tx_select_ok, "tx.select-ok", {}},
    {Method::tx_commit, "tx.commit", {}},
    {Method::tx_commit_ok, "tx.commit-ok", {}},
    {Method::tx_rollback, "tx.rollback", {}},
    {Method::tx_rollback_ok, "tx.rollback-ok", {}},
};

static_assert(std::size(rows) == 66);
static_assert(std::ranges::is_sorted(rows, {}, &MethodInfo::method), "find_method searches by halves");

}  // namespace

std::span<const MethodInfo> all_methods() {
  return rows;
}

const MethodInfo* find_method(Method method) {
  const auto* row = std::ranges::lower_bound(rows, method, {}, &MethodInfo::method);
  return row != std::end(rows) && row->method == method ? row : nullptr;
}

}  // namespace tandem::wire::amqp
