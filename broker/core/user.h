// Users: who may log in, and what each may do. As long as there is none, the rim lets in guest from this machine, and every connection may do
// everything. From the first one on, users are an administrator's (a user with that tag), and policies an
// administrator's or a policymaker's; a connection that logged in when there was no user yet keeps what it had. There is
// always an administrator while there is a user at all, so that nobody locks everybody out.
//
// The core keeps hashes and never sees a password: comparing is the rim's (server/login.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "broker/base/name_pattern.h"
#include "broker/core/record.h"

namespace tandem::core {

inline constexpr std::string_view tag_administrator = "administrator";
inline constexpr std::string_view tag_policymaker = "policymaker";

bool has_tag(const UserDeclared& user, std::string_view tag);

/// A user's permissions, ready to be asked.
class Rights {
 public:
  explicit Rights(const UserDeclared& user);
  bool allows(Permission permission, std::string_view name) const;
  /// What is allowed whatever the name.
  Allowed every_name() const { return {configure_.finds_all(), write_.finds_all(), read_.finds_all()}; }
  /// There is nothing to ask.
  bool allows_all() const { return every_name() == Allowed(); }

 private:
  NamePattern configure_, write_, read_;  // one that cannot be compiled finds nothing
};

class Users {
 public:
  const UserDeclared* find(std::string_view name) const;
  /// nullptr when there is no such user. Lives until version() changes.
  const Rights* find_rights(std::string_view name) const;
  /// Changes with every change, and is never 0.
  std::uint64_t version() const { return version_; }
  bool empty() const { return users_.empty(); }
  std::size_t size() const { return users_.size(); }
  /// Whether a user other than `name` is an administrator.
  bool has_administrator_beside(std::string_view name) const;
  /// By name.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [name, user] : users_) visit(user.facts);
  }

  // Only for apply():
  void put(const UserDeclared& facts);
  void erase(std::string_view name);

 private:
  struct User {
    UserDeclared facts;
    Rights rights;
  };
  std::map<std::string, User, std::less<>> users_;
  std::uint64_t version_ = 1;
};

/// What is wrong with a user: its name, the size of its hash, its tags, its permissions.
std::optional<Refusal> judge_user(const UserDeclared& user);

}  // namespace tandem::core
