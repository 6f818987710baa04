// exchange.*: declare, delete, bind, unbind.
#include "broker/wire/amqp/channel.h"

namespace tandem::wire::amqp {
namespace {

struct KindName {
  std::string_view name;
  core::ExchangeKind kind;
};
constexpr KindName kinds[] = {
    {"direct", core::ExchangeKind::direct},
    {"fanout", core::ExchangeKind::fanout},
    {"topic", core::ExchangeKind::pattern},
    {"headers", core::ExchangeKind::headers},
    {"x-consistent-hash", core::ExchangeKind::consistent_hash},
    {"x-delayed-message", core::ExchangeKind::delayed},
};

std::optional<core::ExchangeKind> kind_named(std::string_view name) {
  for (const KindName& known : kinds)
    if (known.name == name) return known.kind;
  return std::nullopt;
}

}  // namespace

Verdict Channel::exchange_declare(const MethodView& method) {
  const bool passive = method.flag("passive");
  const auto kind = kind_named(method.text("type"));
  if (!kind && !passive)
    return Fault{ReplyCode::command_invalid,
                 "unknown exchange type '" + std::string(method.text("type")) + "'", method.method()};
  const std::string name = clean_name(method.text("exchange"));
  const Table arguments = decode_table(method.table("arguments")).value_or(Table{});
  core::DeclareExchange input;
  input.who = expect(method);
  input.name = name;
  input.kind = kind.value_or(core::ExchangeKind::direct);
  input.passive = passive;
  input.durable = method.flag("durable");
  input.auto_delete = method.flag("auto-delete");
  input.internal = method.flag("internal");
  input.arguments = &arguments;
  link_.port().submit(input);
  return std::nullopt;
}

Verdict Channel::exchange_delete(const MethodView& method) {
  const std::string name = clean_name(method.text("exchange"));
  link_.port().submit(core::DeleteExchange{expect(method), name, method.flag("if-unused")});
  return std::nullopt;
}

Verdict Channel::exchange_bind(const MethodView& method) {
  const std::string source = clean_name(method.text("source"));
  const std::string destination = clean_name(method.text("destination"));
  const Table arguments = decode_table(method.table("arguments")).value_or(Table{});
  link_.port().submit(core::Bind{expect(method), source, core::DestinationKind::exchange, destination,
                                 method.text("routing-key"), &arguments});
  return std::nullopt;
}

Verdict Channel::exchange_unbind(const MethodView& method) {
  const std::string source = clean_name(method.text("source"));
  const std::string destination = clean_name(method.text("destination"));
  const Table arguments = decode_table(method.table("arguments")).value_or(Table{});
  link_.port().submit(core::Unbind{expect(method), source, core::DestinationKind::exchange, destination,
                                   method.text("routing-key"), &arguments});
  return std::nullopt;
}

}  // namespace tandem::wire::amqp
