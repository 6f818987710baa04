#include "broker/core/user.h"

#include <algorithm>

#include "broker/base/limits.h"
#include "schemas/utf8.h"

namespace tandem::core {
namespace {

constexpr std::size_t salt_size_bytes = 4, sha256_size_bytes = 32, sha512_size_bytes = 64;

std::size_t hash_size_bytes(PasswordKind kind) {
  switch (kind) {
    case PasswordKind::none:
      return 0;
    case PasswordKind::sha256:
      return salt_size_bytes + sha256_size_bytes;
    case PasswordKind::sha512:
      return salt_size_bytes + sha512_size_bytes;
  }
  return 0;
}

Refusal user_refusal(const UserDeclared& user, std::string_view argument, std::string detail) {
  return {ErrorCode::invalid_argument, ObjectKind::user, user.name, std::string(argument), "", "", std::move(detail)};
}

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= limits::name_size_max_bytes && is_utf8(text);
}

NamePattern compiled(const UserDeclared& user, const std::string& pattern) {
  auto compiled = user.permitted ? NamePattern::compile(pattern) : Result<NamePattern>();
  return compiled ? *compiled : NamePattern();
}

std::optional<Refusal> judge_permissions(const UserDeclared& user) {
  const Permissions& all = user.permissions;
  for (const auto& [permission, pattern] : {std::pair(Permission::configure, &all.configure),
                                            {Permission::write, &all.write}, {Permission::read, &all.read}})
    if (const auto fits = NamePattern::compile(*pattern); !fits)
      return user_refusal(user, name(permission), fits.error().text);
  return std::nullopt;
}

}  // namespace

Rights::Rights(const UserDeclared& user)
    : configure_(compiled(user, user.permissions.configure)),
      write_(compiled(user, user.permissions.write)),
      read_(compiled(user, user.permissions.read)) {}

bool Rights::allows(Permission permission, std::string_view name) const {
  switch (permission) {
    case Permission::configure:
      return configure_.finds_in(name);
    case Permission::write:
      return write_.finds_in(name);
    case Permission::read:
      return read_.finds_in(name);
  }
  return false;
}

bool has_tag(const UserDeclared& user, std::string_view tag) {
  return std::find(user.tags.begin(), user.tags.end(), tag) != user.tags.end();
}

const UserDeclared* Users::find(std::string_view name) const {
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : &found->second.facts;
}

const Rights* Users::find_rights(std::string_view name) const {
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : &found->second.rights;
}

bool Users::has_administrator_beside(std::string_view name) const {
  return std::any_of(users_.begin(), users_.end(), [name](const auto& entry) {
    return entry.first != name && has_tag(entry.second.facts, tag_administrator);
  });
}

void Users::put(const UserDeclared& facts) {
  ++version_;
  users_.insert_or_assign(facts.name, User{facts, Rights(facts)});
}

void Users::erase(std::string_view name) {
  ++version_;
  if (const auto found = users_.find(name); found != users_.end()) users_.erase(found);
}

std::optional<Refusal> judge_user(const UserDeclared& user) {
  if (!is_word(user.name))
    return user_refusal(user, "name",
                        "names are UTF-8 of 1 to " + std::to_string(limits::name_size_max_bytes) + " bytes");
  const std::size_t wanted = hash_size_bytes(user.password_kind);
  if (user.password_hash.size() != wanted)
    return user_refusal(user, "password_hash",
                        "it has " + std::to_string(user.password_hash.size()) + " bytes, " + std::to_string(wanted) +
                            " are wanted: 4 of salt, then the digest");
  if (user.tags.size() > limits::user_tags_max)
    return user_refusal(user, "tags", "a user has at most " + std::to_string(limits::user_tags_max) + " tags");
  if (!std::all_of(user.tags.begin(), user.tags.end(), is_word))
    return user_refusal(user, "tags",
                        "tags are UTF-8 of 1 to " + std::to_string(limits::name_size_max_bytes) + " bytes");
  return judge_permissions(user);
}

}  // namespace tandem::core
