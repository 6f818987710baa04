#include "client/cli/definition_users.h"

#include <algorithm>
#include <optional>
#include <sstream>

#include "client/cli/base64.h"

namespace tandem::cli {
namespace {

constexpr std::string_view virtual_host = "/";

std::string_view hashing_of(PasswordKind kind) {
  return kind == PasswordKind::sha512 ? "rabbit_password_hashing_sha512" : "rabbit_password_hashing_sha256";
}

/// nullopt: the asker is no administrator, and sees no hashes.
std::optional<std::vector<UserInfo>> users_for_export(Context& context) {
  auto users = context.client().ask(DescribeUsers{});
  if (!users && users.error().code == ErrorCode::not_authorized) {
    context.say("users are left out: " + users.error().text);
    return std::nullopt;
  }
  return need(std::move(users));
}

/// "" when it is not there, or no text.
std::string text(const Row& row, const char* key) {
  const auto found = row.is_object() ? row.find(key) : row.end();
  return found != row.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// A list, or (before RabbitMQ 3.9) words with commas between.
std::vector<std::string> tags_of(const Row& user) {
  std::vector<std::string> tags;
  if (!user.is_object() || !user.contains("tags")) return tags;
  const Row* const found = &user["tags"];
  if (found->is_array())
    for (const auto& tag : *found)
      if (tag.is_string()) tags.push_back(tag.get<std::string>());
  if (found->is_string()) {
    std::istringstream words(found->get<std::string>());
    for (std::string word; std::getline(words, word, ',');)
      if (!word.empty()) tags.push_back(word);
  }
  return tags;
}

/// What a user may do in our virtual host; an error for what this broker could not hold it to.
Result<bool> read_permissions(const std::string& user, const Row& definitions) {
  const auto is_everything = [](const std::string& pattern) { return pattern == ".*" || pattern == "^.*$"; };
  const auto is_nothing = [](const std::string& pattern) { return pattern.empty() || pattern == "^$"; };
  const auto restricted = [](const char* list) {
    return Error{ErrorCode::not_supported, std::string("its ") + list +
                                               " restrict it, which this broker does not do: .* thrice, or nothing, is wanted"};
  };
  bool permitted = false;
  for (const char* list : {"permissions", "topic_permissions"}) {
    const auto found = definitions.find(list);
    if (found == definitions.end()) continue;
    const bool of_topics = list[0] == 't';
    for (const auto& row : *found) {
      if (text(row, "user") != user || text(row, "vhost") != virtual_host) continue;
      const std::string configure = text(row, of_topics ? "write" : "configure");
      const std::string write = text(row, "write"), read = text(row, "read");
      const bool all = is_everything(configure) && is_everything(write) && is_everything(read);
      const bool none = is_nothing(configure) && is_nothing(write) && is_nothing(read);
      if (!all && (of_topics || !none)) return restricted(list);
      if (!of_topics) permitted = all;
    }
  }
  return permitted;
}

}  // namespace

bool has_administrators_tag(const Row& user) {
  const auto tags = tags_of(user);
  return std::find(tags.begin(), tags.end(), "administrator") != tags.end();
}

Result<UserInfo> read_user(const Row& row, const Row& definitions) {
  UserInfo user{.name = text(row, "name"), .tags = tags_of(row)};
  if (row.contains("limits") && !row["limits"].empty())
    return Error{ErrorCode::not_supported, "its limits are nothing that this broker knows"};
  const auto permitted = read_permissions(user.name, definitions);
  if (!permitted) return permitted.error();
  user.permitted = *permitted;
  const auto hash = from_base64(text(row, "password_hash"));
  if (!hash) return Error{ErrorCode::invalid_argument, "its password_hash is not base64"};
  user.password_hash = *hash;
  const std::string algorithm = text(row, "hashing_algorithm");
  if (hash->empty())
    user.password_kind = PasswordKind::none;
  else if (algorithm.empty() || algorithm == hashing_of(PasswordKind::sha256))
    user.password_kind = PasswordKind::sha256;
  else if (algorithm == hashing_of(PasswordKind::sha512))
    user.password_kind = PasswordKind::sha512;
  else
    return Error{ErrorCode::not_supported, "its hashing_algorithm is " + algorithm + "; SHA-256 and SHA-512 are known"};
  return user;
}

void add_users(Context& context, Row& all) {
  const auto users = users_for_export(context);
  if (!users) return;
  for (const auto& user : *users) {
    all["users"].push_back({{"name", user.name},
                            {"password_hash", to_base64(user.password_hash)},
                            {"hashing_algorithm", hashing_of(user.password_kind)},
                            {"tags", user.tags},
                            {"limits", Row::object()}});
    if (user.permitted)
      all["permissions"].push_back(
          {{"user", user.name}, {"vhost", virtual_host}, {"configure", ".*"}, {"write", ".*"}, {"read", ".*"}});
  }
}

}  // namespace tandem::cli
