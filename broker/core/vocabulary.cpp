#include "broker/core/vocabulary.h"

#include <algorithm>

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
    case ObjectKind::user:
      return "user";
    case ObjectKind::connection:
      return "connection";
  }
  return "";
}

std::string subject(const Refusal& refusal) {
  std::string text(name(refusal.object));
  if (refusal.name.empty()) return text;
  if (!text.empty()) text += ' ';
  return text + "'" + refusal.name + "'";
}

/// "access refused": the code's name as people write it.
std::string words(ErrorCode code) {
  std::string text(tandem::name(code));
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

std::string with_detail(std::string text, const Refusal& refusal) {
  return refusal.detail.empty() ? text : text + " (" + refusal.detail + ")";
}

}  // namespace

std::string_view name(Permission permission) {
  switch (permission) {
    case Permission::configure:
      return "configure";
    case Permission::write:
      return "write";
    case Permission::read:
      return "read";
  }
  return "";
}

std::string to_text(const Refusal& refusal) {
  const std::string about = subject(refusal);
  if (refusal.code == ErrorCode::not_found && !about.empty())
    return with_detail("there is no " + about, refusal);
  if (refusal.code == ErrorCode::already_exists && !about.empty())
    return with_detail(about + " exists already", refusal);
  if (refusal.code == ErrorCode::inequivalent)
    return with_detail(about + " exists with another " + refusal.argument + ": received " + refusal.received +
                           " but current is " + refusal.current,
                       refusal);
  std::string text = about.empty() ? "" : about + ": ";
  if (!refusal.argument.empty()) text += refusal.argument + ": ";
  return text + (refusal.detail.empty() ? words(refusal.code) : refusal.detail);
}

}  // namespace tandem::core
