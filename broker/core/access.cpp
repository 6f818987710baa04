#include "broker/core/access.h"

#include "broker/core/queue_verbs.h"

namespace tandem::core {
namespace {

constexpr std::string_view default_exchange_name = "amq.default";

KnownRights& rights_of(const Users& users, Connection& connection) {
  KnownRights& rights = connection.rights;
  if (!rights.is_of(users.version())) rights.begin(users.version(), users.find_rights(connection.user));
  return rights;
}

bool is_permitted(const Users& users, Connection& connection, Permission permission, std::string_view name) {
  KnownRights& rights = rights_of(users, connection);
  return rights.allows_all() || rights.allows(permission, name);
}

/// Another exchange that an argument names, "" for the default one. What is no text is refused for that.
const std::string* exchange_in(const Table* arguments, std::string_view key) {
  const Value* value = arguments ? find(*arguments, key) : nullptr;
  return value ? value->text() : nullptr;
}

}  // namespace

void KnownRights::begin(std::uint64_t users_version, const Rights* rights) {
  version_ = users_version;
  rights_ = rights;
  allows_all_ = rights && rights->allows_all();
  names_.clear();
}

Allowed KnownRights::every_name() const {
  return rights_ ? rights_->every_name() : Allowed{false, false, false};
}

bool KnownRights::allows(Permission permission, std::string_view name) {
  if (!rights_) return false;
  const auto bit = static_cast<std::uint8_t>(1u << static_cast<unsigned>(permission));
  auto found = names_.find(name);
  if (found == names_.end()) {
    if (names_.size() >= names_max) names_.clear();
    found = names_.emplace(name, Answers()).first;
  }
  Answers& answers = found->second;
  if ((answers.known & bit) == 0) {
    answers.known |= bit;
    if (rights_->allows(permission, name)) answers.allowed |= bit;
  }
  return (answers.allowed & bit) != 0;
}

std::optional<Refusal> judge_access(Turn& turn, const Caller& who, Permission permission, ObjectKind object,
                                    std::string_view name) {
  if (turn.state().users.empty()) return std::nullopt;
  if (object == ObjectKind::exchange && name.empty()) name = default_exchange_name;
  Connection* connection = turn.session().connections.find(who.channel.connection);
  if (connection && (connection->before_users || is_permitted(turn.state().users, *connection, permission, name)))
    return std::nullopt;
  const std::string user = connection ? connection->user : "";
  return Refusal{ErrorCode::not_authorized, object, std::string(name), std::string(core::name(permission)), user, "",
                 "refused for user '" + user + "'"};
}

Allowed find_allowed(const Users& users, Connection* connection, std::optional<std::string_view> name) {
  if (users.empty() || (connection && connection->before_users)) return {};
  if (!connection) return {false, false, false};
  if (!name) return rights_of(users, *connection).every_name();
  const auto is = [&](Permission permission) { return is_permitted(users, *connection, permission, *name); };
  return {is(Permission::configure), is(Permission::write), is(Permission::read)};
}

ErrorCode judge_group_access(Turn& turn, const Caller& who, Permission permission, std::string_view group) {
  return judge_access(turn, who, permission, ObjectKind::group, group) ? ErrorCode::not_authorized : ErrorCode::none;
}

// --- exchanges, queues, bindings ------------------------------------------------------------------------------------

std::optional<Refusal> judge_access(Turn& turn, const DeclareExchange& input) {
  if (input.passive || input.name.empty()) return std::nullopt;
  auto refusal = judge_access(turn, input.who, Permission::configure, ObjectKind::exchange, input.name);
  const std::string* alternate = exchange_in(input.arguments, "alternate-exchange");
  if (refusal || !alternate || turn.state().catalog.find_exchange(input.name)) return refusal;
  refusal = judge_access(turn, input.who, Permission::read, ObjectKind::exchange, input.name);
  return refusal ? refusal : judge_access(turn, input.who, Permission::write, ObjectKind::exchange, *alternate);
}

std::optional<Refusal> judge_access(Turn& turn, const DeleteExchange& input) {
  if (input.name.empty()) return std::nullopt;
  return judge_access(turn, input.who, Permission::configure, ObjectKind::exchange, input.name);
}

std::optional<Refusal> judge_access(Turn& turn, const DeclareQueue& input) {
  if (input.passive || input.is_faces) return std::nullopt;
  const std::string_view name = input.name.empty() ? input.chosen_name : input.name;
  auto refusal = judge_access(turn, input.who, Permission::configure, ObjectKind::queue, name);
  const std::string* dead_letters = exchange_in(input.arguments, "x-dead-letter-exchange");
  if (refusal || !dead_letters || find_queue(turn.state(), name)) return refusal;
  refusal = judge_access(turn, input.who, Permission::read, ObjectKind::queue, name);
  return refusal ? refusal : judge_access(turn, input.who, Permission::write, ObjectKind::exchange, *dead_letters);
}

std::optional<Refusal> judge_access(Turn& turn, const DeleteQueue& input) {
  return judge_access(turn, input.who, Permission::configure, ObjectKind::queue, input.name);
}

std::optional<Refusal> judge_access(Turn& turn, const PurgeQueue& input) {
  return judge_access(turn, input.who, Permission::read, ObjectKind::queue, input.name);
}

namespace {

ObjectKind object_of(DestinationKind kind) {
  switch (kind) {
    case DestinationKind::queue:
      return ObjectKind::queue;
    case DestinationKind::exchange:
      return ObjectKind::exchange;
    case DestinationKind::topic:
      return ObjectKind::topic;
  }
  return ObjectKind::none;
}

/// Bind and unbind.
template <class Input>
std::optional<Refusal> judge_ends(Turn& turn, const Input& input) {
  if (auto refusal = judge_access(turn, input.who, Permission::write, object_of(input.destination_kind), input.destination))
    return refusal;
  return judge_access(turn, input.who, Permission::read, ObjectKind::exchange, input.source);
}

}  // namespace

std::optional<Refusal> judge_access(Turn& turn, const Bind& input) { return judge_ends(turn, input); }
std::optional<Refusal> judge_access(Turn& turn, const Unbind& input) { return judge_ends(turn, input); }

// --- messages -------------------------------------------------------------------------------------------------------

std::optional<Refusal> judge_access(Turn& turn, const CheckPublish& input) {
  return judge_access(turn, input.who, Permission::write, ObjectKind::exchange, input.exchange);
}

std::optional<Refusal> judge_access(Turn& turn, const Subscribe& input) {
  if (input.is_faces) return std::nullopt;
  return judge_access(turn, input.who, Permission::read, ObjectKind::queue, input.queue);
}

std::optional<Refusal> judge_access(Turn& turn, const Get& input) {
  return judge_access(turn, input.who, Permission::read, ObjectKind::queue, input.queue);
}

std::optional<Refusal> judge_access(Turn& turn, const Peek& input) {
  return judge_access(turn, input.who, Permission::read, ObjectKind::queue, input.queue);
}

std::optional<Refusal> judge_access(Turn& turn, const CancelDelayed& input) {
  return judge_access(turn, input.who, Permission::read, ObjectKind::exchange, input.exchange);
}

// --- topics, groups, producers --------------------------------------------------------------------------------------

std::optional<Refusal> judge_access(Turn& turn, const CreateTopic& input) {
  return judge_access(turn, input.who, Permission::configure, ObjectKind::topic, input.name);
}

std::optional<Refusal> judge_access(Turn& turn, const AlterTopic& input) {
  return judge_access(turn, input.who, Permission::configure, ObjectKind::topic, input.name);
}

std::optional<Refusal> judge_access(Turn& turn, const DeleteTopic& input) {
  return judge_access(turn, input.who, Permission::configure, ObjectKind::topic, input.name);
}

std::optional<Refusal> judge_access(Turn& turn, const TrimTopic& input) {
  return judge_access(turn, input.who, Permission::configure, ObjectKind::topic, input.topic);
}

std::optional<Refusal> judge_access(Turn& turn, const DeleteGroup& input) {
  return judge_access(turn, input.who, Permission::configure, ObjectKind::group, input.group);
}

namespace {

std::optional<Refusal> judge_producer(Turn& turn, const Caller& who, std::string_view transactional_id) {
  return judge_access(turn, who, Permission::write, ObjectKind::transaction, transactional_id);
}

}  // namespace

/// Without a transactional id there is no name to judge; its batches are judged by their topic.
std::optional<Refusal> judge_access(Turn& turn, const InitProducer& input) {
  return input.transactional_id.empty() ? std::nullopt : judge_producer(turn, input.who, input.transactional_id);
}

std::optional<Refusal> judge_access(Turn& turn, const AddPartitionsToTransaction& input) {
  if (auto refusal = judge_producer(turn, input.who, input.transactional_id)) return refusal;
  return judge_access(turn, input.who, Permission::write, ObjectKind::topic, input.topic);
}

std::optional<Refusal> judge_access(Turn& turn, const AddOffsetsToTransaction& input) {
  if (auto refusal = judge_producer(turn, input.who, input.transactional_id)) return refusal;
  return judge_access(turn, input.who, Permission::read, ObjectKind::group, input.group);
}

std::optional<Refusal> judge_access(Turn& turn, const EndTransaction& input) {
  return judge_producer(turn, input.who, input.transactional_id);
}

}  // namespace tandem::core
