#include "broker/base/limits.h"
#include "broker/core/delayed.h"
#include "broker/core/exchange_verbs.h"
#include "broker/core/queue_options.h"
#include "schemas/utf8.h"

namespace tandem::core {

std::string_view name(ExchangeKind kind) {
  switch (kind) {
    case ExchangeKind::direct:
      return "direct";
    case ExchangeKind::fanout:
      return "fanout";
    case ExchangeKind::pattern:
      return "topic";
    case ExchangeKind::headers:
      return "headers";
    case ExchangeKind::consistent_hash:
      return "x-consistent-hash";
    case ExchangeKind::delayed:
      return "x-delayed-message";
  }
  return "unknown";
}

std::optional<ExchangeKind> exchange_kind(std::string_view wanted) {
  for (const ExchangeKind kind : {ExchangeKind::direct, ExchangeKind::fanout, ExchangeKind::pattern,
                                  ExchangeKind::headers, ExchangeKind::consistent_hash, ExchangeKind::delayed})
    if (name(kind) == wanted) return kind;
  return std::nullopt;
}

Refusal not_found(ObjectKind object, std::string_view name) {
  return {ErrorCode::not_found, object, std::string(name), "", "", "", ""};
}

Refusal default_exchange_refused() {
  return {ErrorCode::access_refused,
          ObjectKind::exchange,
          "",
          "",
          "",
          "",
          "operation not permitted on the default exchange"};
}

std::optional<Refusal> judge_name(ObjectKind object, std::string_view name) {
  if (auto refusal = judge_name_size(object, name)) return refusal;
  if (is_utf8(name)) return std::nullopt;
  return Refusal{ErrorCode::invalid_argument, object, escaped(name), "name", "", "", "names are UTF-8"};
}

std::optional<Refusal> judge_name_size(ObjectKind object, std::string_view name) {
  if (name.size() <= limits::name_size_max_bytes) return std::nullopt;
  return Refusal{ErrorCode::invalid_argument,
                 object,
                 escaped(name.substr(0, 40)) + "…",
                 "name",
                 "",
                 "",
                 "names have at most " + std::to_string(limits::name_size_max_bytes) + " bytes"};
}

namespace {

std::optional<Refusal> compare(const DeclareExchange& input, const ExchangeDeclared& current) {
  const auto differ = [&input](std::string_view argument, std::string_view received, std::string_view there) {
    return Refusal{ErrorCode::inequivalent,
                   ObjectKind::exchange,
                   std::string(input.name),
                   std::string(argument),
                   std::string(received),
                   std::string(there),
                   ""};
  };
  if (input.kind != current.kind) return differ("type", name(input.kind), name(current.kind));
  if (input.durable != current.durable) return differ("durable", to_text(Value(input.durable)), to_text(Value(current.durable)));
  if (input.auto_delete != current.auto_delete)
    return differ("auto_delete", to_text(Value(input.auto_delete)), to_text(Value(current.auto_delete)));
  if (input.internal != current.internal)
    return differ("internal", to_text(Value(input.internal)), to_text(Value(current.internal)));
  return compare_arguments(ObjectKind::exchange, input.name, input.arguments ? *input.arguments : Table(),
                           current.arguments);
}

/// What is wrong with a delayed exchange, for people.
std::optional<std::string> judge_delayed(std::string_view exchange, const Table& arguments) {
  if (waiting_room_prefix.size() + exchange.size() > limits::name_size_max_bytes)
    return "the name of a delayed exchange has at most " +
           std::to_string(limits::name_size_max_bytes - waiting_room_prefix.size()) + " bytes";
  const Value* type = find(arguments, "x-delayed-type");
  const auto kind = type && type->text() ? exchange_kind(*type->text()) : std::nullopt;
  if (kind && *kind != ExchangeKind::delayed) return std::nullopt;
  return "'x-delayed-type' must be an existing exchange type";
}

std::optional<Refusal> judge_arguments(const DeclareExchange& input) {
  const auto invalid = [&input](std::string_view argument, std::string detail) {
    return Refusal{ErrorCode::invalid_argument,
                   ObjectKind::exchange,
                   std::string(input.name),
                   std::string(argument),
                   "",
                   "",
                   std::move(detail)};
  };
  const Table none;
  const Table& arguments = input.arguments ? *input.arguments : none;
  if (input.kind == ExchangeKind::delayed)
    if (auto fault = judge_delayed(input.name, arguments)) return invalid("x-delayed-type", std::move(*fault));
  if (const Value* alternate = find(arguments, "alternate-exchange"); alternate && !alternate->text())
    return invalid("alternate-exchange", "expected text, got " + to_text(*alternate));
  const Value *property = find(arguments, "hash-property"), *header = find(arguments, "hash-header");
  if (property && !(property->text() && is_hash_property(*property->text())))
    return invalid("hash-property", "expected message_id, correlation_id or timestamp, got " + to_text(*property));
  if (header && !header->text()) return invalid("hash-header", "expected text, got " + to_text(*header));
  if (property && header) return invalid("hash-property", "hash-header and hash-property exclude each other");
  return std::nullopt;
}

std::optional<Refusal> judge_new(const State& state, const DeclareExchange& input) {
  if (input.passive) return not_found(ObjectKind::exchange, input.name);
  if (is_reserved(input.name))
    return Refusal{ErrorCode::access_refused,
                   ObjectKind::exchange,
                   std::string(input.name),
                   "name",
                   "",
                   "",
                   "exchange name '" + std::string(input.name) + "' contains reserved prefix 'amq.*'"};
  if (auto refusal = judge_name(ObjectKind::exchange, input.name)) return refusal;
  if (auto refusal = judge_arguments(input)) return refusal;
  if (state.catalog.exchanges_count() >= limits::exchanges_max)
    return Refusal{ErrorCode::limit_reached,
                   ObjectKind::exchange,
                   std::string(input.name),
                   "exchanges_max",
                   "",
                   "",
                   "there are " + std::to_string(limits::exchanges_max) + " exchanges already"};
  return std::nullopt;
}

}  // namespace

void handle(Turn& turn, const DeclareExchange& input) {
  if (input.name.empty()) return turn.refuse(input.who, default_exchange_refused());
  if (const Exchange* exchange = turn.state().catalog.find_exchange(input.name)) {
    turn.wait_for_earlier_turns();  // that it is there may not be on disk yet
    auto refusal = input.passive ? std::nullopt : compare(input, exchange->declared);
    return refusal ? turn.refuse(input.who, *refusal) : turn.answer(input.who, Ok{input.who});
  }
  if (auto refusal = judge_new(turn.state(), input)) return turn.refuse(input.who, *refusal);
  turn.record(ExchangeDeclared{turn.state().next_exchange(input.durable), std::string(input.name), input.kind,
                               input.durable, input.auto_delete, input.internal,
                               input.arguments ? without_repeats(*input.arguments) : Table()});
  if (input.kind == ExchangeKind::delayed)
    turn.record(QueueDeclared{turn.state().next_queue(input.durable), waiting_room_of(input.name), input.durable, false,
                              false, ConnectionId(), {}});
  turn.answer(input.who, Ok{input.who});
}

}  // namespace tandem::core
