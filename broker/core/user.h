// Users: who may log in. As long as there is none, the rim lets in guest from this machine, and every connection may do
// everything. From the first one on, users are an administrator's (a user with that tag), and policies an
// administrator's or a policymaker's; a connection that logged in when there was no user yet keeps what it had. There is
// always an administrator while there is a user at all, so that nobody locks everybody out.
//
// The core keeps hashes and never sees a password: comparing is the rim's (server/login.h).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "broker/core/record.h"

namespace tandem::core {

inline constexpr std::string_view tag_administrator = "administrator";
inline constexpr std::string_view tag_policymaker = "policymaker";

bool has_tag(const UserDeclared& user, std::string_view tag);

class Users {
 public:
  const UserDeclared* find(std::string_view name) const;
  bool empty() const { return users_.empty(); }
  std::size_t size() const { return users_.size(); }
  /// Whether a user other than `name` is an administrator.
  bool has_administrator_beside(std::string_view name) const;
  /// By name.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [name, user] : users_) visit(user);
  }

  // Only for apply():
  void put(const UserDeclared& user) { users_.insert_or_assign(user.name, user); }
  void erase(std::string_view name);

 private:
  std::map<std::string, UserDeclared, std::less<>> users_;
};

/// What is wrong with a user: its name, the size of its hash, its tags.
std::optional<Refusal> judge_user(const UserDeclared& user);

}  // namespace tandem::core
