// The core says why in parts; here they become the sentences that RabbitMQ says.
#include <algorithm>

#include "broker/wire/amqp/fault.h"

namespace tandem::wire::amqp {
namespace {

constexpr std::string_view in_vhost = " in vhost '/'";

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

std::string_view object_name(core::ObjectKind object) {
  switch (object) {
    case core::ObjectKind::exchange:
      return "exchange";
    case core::ObjectKind::topic:
      return "topic";
    case core::ObjectKind::binding:
      return "binding";
    default:
      return "queue";
  }
}

/// queue 'q' in vhost '/'
std::string place(const core::Refusal& refusal) {
  return std::string(object_name(refusal.object)) + " " + quoted(refusal.name) + std::string(in_vhost);
}

bool all_digits(std::string_view text) {
  if (!text.empty() && text.front() == '-') text.remove_prefix(1);
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// The core shows arguments as "the value '1' of type 'long'". RabbitMQ leaves the type out when both sides
/// have the argument with the same one.
struct ShownValue {
  std::string_view value;  // with its quotes
  std::string_view type;
};
std::optional<ShownValue> split_shown(std::string_view text) {
  constexpr std::string_view before = "the value ", between = " of type ";
  const std::size_t middle = text.rfind(between);
  if (!text.starts_with(before) || middle == std::string_view::npos) return std::nullopt;
  return ShownValue{text.substr(before.size(), middle - before.size()), text.substr(middle + between.size())};
}

std::string compared_value(std::string_view value, std::string_view other, std::string_view argument) {
  if (value.empty() || value == "none") return "none";
  const auto shown = split_shown(value), other_shown = split_shown(other);
  if (!shown) return quoted(argument == "type" && value == "pattern" ? "topic" : value);
  return std::string(other_shown && shown->type == other_shown->type ? shown->value : value);
}

std::string inequivalence(const core::Refusal& refusal) {
  return "inequivalent arg " + quoted(refusal.argument) + " for " + place(refusal) + ": received " +
         compared_value(refusal.received, refusal.current, refusal.argument) + " but current is " +
         compared_value(refusal.current, refusal.received, refusal.argument);
}

std::string access_refusal(const core::Refusal& refusal, Method asked) {
  const bool publishing = asked == Method::basic_publish || asked == Method::tx_commit;
  if (publishing && refusal.object == core::ObjectKind::exchange)
    return "cannot publish to internal exchange " + quoted(refusal.name) + std::string(in_vhost);
  if (refusal.object == core::ObjectKind::exchange && refusal.name.empty())
    return "operation not permitted on the default exchange";
  if (asked == Method::exchange_delete && refusal.name.starts_with("amq."))
    return "deletion of system " + place(refusal) + " not allowed";
  if (refusal.name.starts_with("amq."))
    return std::string(object_name(refusal.object)) + " name " + quoted(refusal.name) +
           " contains reserved prefix 'amq.*'";
  return core::to_text(refusal);
}

/// What a permission is missing for, as `received` says of whom; a missing tag has no such argument.
std::string authority_refusal(const core::Refusal& refusal) {
  if (refusal.argument.empty()) return core::to_text(refusal);
  return "access to " + place(refusal) + " refused for user " + quoted(refusal.received);
}

std::string lock_refusal(const core::Refusal& refusal) {
  return "cannot obtain exclusive access to locked " + place(refusal) +
         ". It could be originally declared on another connection or the exclusive property value does not "
         "match "
         "that of the original declaration.";
}

Fault in_use_fault(const core::Refusal& refusal, Method asked) {
  if (asked == Method::basic_consume || asked == Method::basic_get)
    return {ReplyCode::access_refused, place(refusal) + " in exclusive use", asked};
  return {ReplyCode::precondition_failed, place(refusal) + " in use", asked};
}

/// The delivery tag that is unknown, wherever the core put it.
std::string unknown_tag(const core::Refusal& refusal) {
  for (const std::string* part : {&refusal.received, &refusal.name, &refusal.argument, &refusal.detail})
    if (all_digits(*part)) return "unknown delivery tag " + *part;
  return core::to_text(refusal);
}

/// What queues can do and a topic, to AMQP a stream, cannot.
std::string unsupported(const core::Refusal& refusal, Method asked) {
  const MethodInfo* method = find_method(asked);
  if (refusal.object != core::ObjectKind::topic || method == nullptr) return core::to_text(refusal);
  return std::string(method->name) + " not supported by stream queues queue " + quoted(refusal.name) +
         std::string(in_vhost);
}

Fault invalid_fault(const core::Refusal& refusal, Method asked) {
  if (refusal.argument.empty()) return {ReplyCode::precondition_failed, core::to_text(refusal), asked};
  const std::string& why = refusal.detail.empty() ? refusal.received : refusal.detail;
  return invalid_argument_fault(asked, object_name(refusal.object), refusal.name, refusal.argument, why);
}

}  // namespace

Fault invalid_argument_fault(Method asked, std::string_view object, std::string_view name,
                             std::string_view argument, std::string_view why) {
  return {ReplyCode::precondition_failed,
          "invalid arg " + quoted(argument) + " for " + std::string(object) + " " + quoted(name) +
              std::string(in_vhost) + ": " + std::string(why),
          asked};
}

Fault fault_of(const core::Refusal& refusal, Method asked) {
  using enum ReplyCode;
  switch (refusal.code) {
    case ErrorCode::not_found:
      return {not_found, "no " + place(refusal), asked};
    case ErrorCode::inequivalent:
      return {precondition_failed, inequivalence(refusal), asked};
    case ErrorCode::access_refused:
      return {access_refused, access_refusal(refusal, asked), asked};
    case ErrorCode::not_authorized:
      return {access_refused, authority_refusal(refusal), asked};
    case ErrorCode::locked:
      return {resource_locked, lock_refusal(refusal), asked};
    case ErrorCode::in_use:
      return in_use_fault(refusal, asked);
    case ErrorCode::not_empty:
      return {precondition_failed, place(refusal) + " not empty", asked};
    case ErrorCode::invalid_argument:
      return invalid_fault(refusal, asked);
    case ErrorCode::unknown_delivery:
      return {precondition_failed, unknown_tag(refusal), asked};
    case ErrorCode::not_supported:
      return {not_implemented, unsupported(refusal, asked), asked};
    case ErrorCode::unavailable:
      return {connection_forced, core::to_text(refusal), asked};
    case ErrorCode::internal:
      return {internal_error, core::to_text(refusal), asked};
    default:
      return {precondition_failed, core::to_text(refusal), asked};
  }
}

}  // namespace tandem::wire::amqp
