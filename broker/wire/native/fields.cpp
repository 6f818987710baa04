#include "broker/wire/native/fields.h"

#include <array>

namespace tandem::wire::native {
namespace {

using core::ExchangeKind;

struct KindName {
  ExchangeKind kind;
  std::string_view name;
};
// The names that AMQP clients know, so that one listing serves all faces.
constexpr std::array kind_names{
    KindName{ExchangeKind::direct, "direct"},
    KindName{ExchangeKind::fanout, "fanout"},
    KindName{ExchangeKind::pattern, "topic"},
    KindName{ExchangeKind::headers, "headers"},
    KindName{ExchangeKind::consistent_hash, "x-consistent-hash"},
    KindName{ExchangeKind::delayed, "x-delayed-message"},
};

template <class Field, class Value>
constexpr bool same(Field field, Value value) {
  return static_cast<int>(field) == static_cast<int>(value);
}
static_assert(same(fb::PolicyTarget::queues, core::PolicyTarget::queues) &&
              same(fb::PolicyTarget::exchanges, core::PolicyTarget::exchanges) &&
              same(fb::PolicyTarget::all, core::PolicyTarget::all) &&
              same(fb::PolicyTarget::classic_queues, core::PolicyTarget::classic_queues) &&
              same(fb::PolicyTarget::quorum_queues, core::PolicyTarget::quorum_queues));
static_assert(same(fb::PasswordKind::none, core::PasswordKind::none) &&
              same(fb::PasswordKind::sha256, core::PasswordKind::sha256) &&
              same(fb::PasswordKind::sha512, core::PasswordKind::sha512));

}  // namespace

std::optional<core::Outcome> outcome_of(fb::Outcome outcome) {
  switch (outcome) {
    case fb::Outcome::ack:
      return core::Outcome::ack;
    case fb::Outcome::requeue:
      return core::Outcome::requeue;
    case fb::Outcome::reject:
      return core::Outcome::reject;
  }
  return std::nullopt;
}

std::optional<core::DestinationKind> destination_of(fb::Destination kind) {
  switch (kind) {
    case fb::Destination::queue:
      return core::DestinationKind::queue;
    case fb::Destination::exchange:
      return core::DestinationKind::exchange;
    case fb::Destination::topic:
      return core::DestinationKind::topic;
  }
  return std::nullopt;
}

std::optional<core::Subject> subject_of(fb::Subject subject) {
  switch (subject) {
    case fb::Subject::exchanges:
      return core::Subject::exchanges;
    case fb::Subject::queues:
      return core::Subject::queues;
    case fb::Subject::bindings:
      return core::Subject::bindings;
    case fb::Subject::topics:
      return core::Subject::topics;
    case fb::Subject::groups:
      return core::Subject::groups;
    case fb::Subject::connections:
      return core::Subject::connections;
    case fb::Subject::consumers:
      return core::Subject::consumers;
    case fb::Subject::broker:
      return core::Subject::broker;
    case fb::Subject::policies:
      return core::Subject::policies;
    case fb::Subject::users:
      return core::Subject::users;
  }
  return std::nullopt;
}

std::optional<core::PolicyTarget> policy_target_of(fb::PolicyTarget target) {
  if (target > fb::PolicyTarget::MAX) return std::nullopt;
  return static_cast<core::PolicyTarget>(target);  // the same order, see the assertions above
}

std::optional<ExchangeKind> exchange_kind_of(std::string_view name) {
  for (const KindName& known : kind_names)
    if (known.name == name) return known.kind;
  return std::nullopt;
}

fb::Destination destination_field(core::DestinationKind kind) {
  switch (kind) {
    case core::DestinationKind::queue:
      return fb::Destination::queue;
    case core::DestinationKind::exchange:
      return fb::Destination::exchange;
    case core::DestinationKind::topic:
      return fb::Destination::topic;
  }
  return fb::Destination::queue;
}

std::string_view exchange_kind_name(ExchangeKind kind) {
  for (const KindName& known : kind_names)
    if (known.kind == kind) return known.name;
  return "unknown";
}

std::string_view object_name(core::ObjectKind kind) {
  switch (kind) {
    case core::ObjectKind::none:
      return "";
    case core::ObjectKind::exchange:
      return "exchange";
    case core::ObjectKind::queue:
      return "queue";
    case core::ObjectKind::binding:
      return "binding";
    case core::ObjectKind::topic:
      return "topic";
    case core::ObjectKind::partition:
      return "partition";
    case core::ObjectKind::group:
      return "group";
    case core::ObjectKind::consumer:
      return "consumer";
    case core::ObjectKind::channel:
      return "channel";
    case core::ObjectKind::message:
      return "message";
    case core::ObjectKind::producer:
      return "producer";
    case core::ObjectKind::transaction:
      return "transaction";
    case core::ObjectKind::policy:
      return "policy";
    case core::ObjectKind::user:
      return "user";
    case core::ObjectKind::connection:
      return "connection";
  }
  return "";
}

}  // namespace tandem::wire::native
