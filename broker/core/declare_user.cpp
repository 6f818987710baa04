// Users come and go; who may say so.
#include "broker/base/limits.h"
#include "broker/core/exchange_verbs.h"
#include "broker/core/user_verbs.h"

namespace tandem::core {
namespace {

bool may_administer(const Turn& turn, ConnectionId id, ObjectKind object) {
  const Users& users = turn.state().users;
  if (users.empty()) return true;
  const Connection* connection = turn.session().connections.find(id);
  if (!connection) return false;
  if (connection->before_users) return true;
  const UserDeclared* user = users.find(connection->user);
  if (!user) return false;
  return has_tag(*user, tag_administrator) || (object == ObjectKind::policy && has_tag(*user, tag_policymaker));
}

/// The last administrator goes only as the last user. `left`: how many users there will be.
std::optional<Refusal> judge_who_is_left(const Turn& turn, std::string_view name, bool is_administrator,
                                         std::size_t left) {
  if (is_administrator || left == 0 || turn.state().users.has_administrator_beside(name)) return std::nullopt;
  return Refusal{ErrorCode::wrong_state, ObjectKind::user, std::string(name), "", "", "",
                 "no user with the tag administrator would be left"};
}

/// New, or in place of the one of this name.
void put_user(Turn& turn, const Caller& who, UserDeclared user) {
  if (auto refusal = judge_user(user)) return turn.refuse(who, std::move(*refusal));
  const Users& users = turn.state().users;
  const bool is_new = !users.find(user.name);
  if (is_new && users.size() >= limits::users_max)
    return turn.refuse(who, {ErrorCode::limit_reached, ObjectKind::user, user.name, "users_max", "", "",
                             "there are " + std::to_string(limits::users_max) + " users already"});
  if (auto refusal =
          judge_who_is_left(turn, user.name, has_tag(user, tag_administrator), users.size() + (is_new ? 1 : 0)))
    return turn.refuse(who, std::move(*refusal));
  turn.record(std::move(user));
  turn.answer(who, Ok{who});
}

}  // namespace

std::optional<Refusal> judge_administration(const Turn& turn, const Caller& who, ObjectKind object,
                                            std::string_view name) {
  if (may_administer(turn, who.channel.connection, object)) return std::nullopt;
  return Refusal{ErrorCode::not_authorized, object, std::string(name), "", "", "",
                 object == ObjectKind::policy ? "the tag administrator or policymaker is wanted"
                                              : "the tag administrator is wanted"};
}

void handle(Turn& turn, const DeclareUser& input) {
  if (auto refusal = judge_administration(turn, input.who, ObjectKind::user, input.name))
    return turn.refuse(input.who, std::move(*refusal));
  put_user(turn, input.who,
           {std::string(input.name), input.password_kind, std::string(input.password_hash),
            {input.tags.begin(), input.tags.end()}, input.permitted,
            {std::string(input.configure), std::string(input.write), std::string(input.read)}});
}

void handle(Turn& turn, const AlterUser& input) {
  if (auto refusal = judge_administration(turn, input.who, ObjectKind::user, input.name))
    return turn.refuse(input.who, std::move(*refusal));
  const UserDeclared* known = turn.state().users.find(input.name);
  if (!known) return turn.refuse(input.who, not_found(ObjectKind::user, input.name));
  UserDeclared user = *known;
  if (input.password) {
    user.password_kind = input.password->kind;
    user.password_hash = input.password->hash;
  }
  if (input.tags) user.tags.assign(input.tags->begin(), input.tags->end());
  user.permitted = input.permitted.value_or(user.permitted);
  if (input.configure) user.permissions.configure = *input.configure;
  if (input.write) user.permissions.write = *input.write;
  if (input.read) user.permissions.read = *input.read;
  put_user(turn, input.who, std::move(user));
}

void handle(Turn& turn, const CloseConnection& input) {
  const std::string name = std::to_string(input.connection.value);
  if (auto refusal = judge_administration(turn, input.who, ObjectKind::connection, name))
    return turn.refuse(input.who, std::move(*refusal));
  if (!turn.session().connections.find(input.connection))
    return turn.refuse(input.who, not_found(ObjectKind::connection, name));
  turn.answer(input.who, Ok{input.who});
  turn.say_behind_answers(LogOut{input.connection, std::string(input.reason)});
}

void handle(Turn& turn, const DeleteUser& input) {
  if (auto refusal = judge_administration(turn, input.who, ObjectKind::user, input.name))
    return turn.refuse(input.who, std::move(*refusal));
  const Users& users = turn.state().users;
  if (!users.find(input.name)) return turn.refuse(input.who, not_found(ObjectKind::user, input.name));
  if (auto refusal = judge_who_is_left(turn, input.name, false, users.size() - 1))
    return turn.refuse(input.who, std::move(*refusal));
  const std::string name(input.name);
  turn.record(UserDeleted{name});
  turn.answer(input.who, Ok{input.who});
  for (const Connection* connection : turn.session().connections.all())
    if (connection->user == name && !connection->before_users)
      turn.say_behind_answers(LogOut{connection->id, "user '" + name + "' was deleted"});
}

}  // namespace tandem::core
