// Who comes in and who has to go.
#include "broker/core/user.h"
#include "broker/server/log_line.h"
#include "broker/server/login.h"
#include "broker/server/loop.h"

namespace tandem::server {

namespace {

/// A log line stays a line, whatever somebody calls himself.
std::string printable(std::string_view name) {
  constexpr std::size_t shown_max_bytes = 64;
  std::string text(name.substr(0, shown_max_bytes));
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  return text;
}

}  // namespace

bool Loop::has_users() const {
  return broker_.has_users();
}

bool Loop::has_tag(std::string_view user, std::string_view tag) const {
  const core::UserDeclared* found = broker_.user(user);
  return found && core::has_tag(*found, tag);
}

wire::LoginVerdict Loop::log_in(const wire::Login& login, std::string_view peer) {
  const wire::LoginVerdict verdict = judge_login(broker_, login);
  if (verdict != wire::LoginVerdict::welcome)
    log_line(LogLevel::warning, "login of '" + printable(login.user) + "' from " + std::string(peer) +
                                    " refused: " + std::string(to_text(verdict)));
  return verdict;
}

std::string Loop::hash_password(std::string_view password) {
  return server::hash_password(password, draw_salt());
}

void Loop::log_out(const core::LogOut& request) {
  Peer* peer = peers_.find(request.connection);
  if (!peer || !peer->open()) return;
  peer->face().log_out(request.reason);
  touched(*peer);
}

}  // namespace tandem::server
