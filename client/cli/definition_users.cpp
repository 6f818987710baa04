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

/// Calls visit(row) for each row of the list that is of this user and of our virtual host.
template <class Visit>
void for_each_of(const Row& definitions, const char* list, const std::string& user, Visit visit) {
  const auto found = definitions.find(list);
  if (found == definitions.end()) return;
  for (const auto& row : *found)
    if (text(row, "user") == user && text(row, "vhost") == virtual_host) visit(row);
}

/// Whether routing keys restrict what it may publish, which this broker does not do.
bool has_topic_permissions(const std::string& user, const Row& definitions) {
  const auto is_everything = [](const std::string& pattern) { return pattern == ".*" || pattern == "^.*$"; };
  bool restricts = false;
  for_each_of(definitions, "topic_permissions", user, [&](const Row& granted) {
    restricts = restricts || !is_everything(text(granted, "write")) || !is_everything(text(granted, "read"));
  });
  return restricts;
}

}  // namespace

bool has_administrators_tag(const Row& user) {
  const auto tags = tags_of(user);
  return std::find(tags.begin(), tags.end(), "administrator") != tags.end();
}

Result<DeclareUser> read_user(const Row& row, const Row& definitions) {
  DeclareUser request{.user = {.name = text(row, "name"), .tags = tags_of(row)}, .password = {}};
  UserInfo& user = request.user;
  if (row.contains("limits") && !row["limits"].empty())
    return Error{ErrorCode::not_supported, "its limits are nothing that this broker knows"};
  if (has_topic_permissions(user.name, definitions))
    return Error{ErrorCode::not_supported,
                 "its topic_permissions restrict it, which this broker does not do: .* and .* are wanted"};
  user.permitted = false;  // without permissions for the virtual host nobody may log in
  for_each_of(definitions, "permissions", user.name, [&user](const Row& granted) {
    user.permitted = true;
    user.configure = text(granted, "configure");
    user.write = text(granted, "write");
    user.read = text(granted, "read");
  });
  const auto hash = from_base64(text(row, "password_hash"));
  if (!hash) return Error{ErrorCode::invalid_argument, "its password_hash is not base64"};
  user.password_hash = *hash;
  const std::string algorithm = text(row, "hashing_algorithm");
  if (hash->empty()) {
    user.password_kind = PasswordKind::none;
    request.password = text(row, "password");
  } else if (algorithm.empty() || algorithm == hashing_of(PasswordKind::sha256))
    user.password_kind = PasswordKind::sha256;
  else if (algorithm == hashing_of(PasswordKind::sha512))
    user.password_kind = PasswordKind::sha512;
  else
    return Error{ErrorCode::not_supported, "its hashing_algorithm is " + algorithm + "; SHA-256 and SHA-512 are known"};
  return request;
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
      all["permissions"].push_back({{"user", user.name},
                                    {"vhost", virtual_host},
                                    {"configure", user.configure},
                                    {"write", user.write},
                                    {"read", user.read}});
  }
}

}  // namespace tandem::cli
