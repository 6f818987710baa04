#include "broker/core/vocabulary.h"

namespace tandem::core {
namespace {

std::string_view name(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::none:
      return "";
    case ObjectKind::exchange:
      return "exchange";
    case ObjectKind::queue:
      return "queue";
    case ObjectKind::binding:
      return "binding";
    case ObjectKind::topic:
      return "topic";
    case ObjectKind::partition:
      return "partition";
    case ObjectKind::group:
      return "group";
    case ObjectKind::consumer:
      return "consumer";
    case ObjectKind::channel:
      return "channel";
    case ObjectKind::message:
      return "message";
    case ObjectKind::producer:
      return "producer";
    case ObjectKind::transaction:
      return "transaction";
    case ObjectKind::policy:
      return "policy";
  }
  return "";
}

std::string subject(const Refusal& refusal) {
  std::string text(name(refusal.object));
  if (refusal.name.empty()) return text;
  if (!text.empty()) text += ' ';
  return text + "'" + refusal.name + "'";
}

}  // namespace

std::string to_text(const Refusal& refusal) {
  std::string text = subject(refusal);
  if (!text.empty()) text += ": ";
  text += tandem::name(refusal.code);
  if (!refusal.argument.empty()) text += ", " + refusal.argument;
  if (refusal.code == ErrorCode::inequivalent)
    text += ": received " + refusal.received + " but current is " + refusal.current;
  if (!refusal.detail.empty()) text += " (" + refusal.detail + ")";
  return text;
}

}  // namespace tandem::core
