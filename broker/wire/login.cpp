#include "broker/wire/login.h"

namespace tandem::wire {

LoginVerdict judge_guest(const Login& login) {
  if (login.user != guest_name || login.password != guest_name) return LoginVerdict::unknown;
  return login.loopback ? LoginVerdict::welcome : LoginVerdict::not_from_here;
}

std::string_view to_text(LoginVerdict verdict) {
  switch (verdict) {
    case LoginVerdict::welcome:
      return "";
    case LoginVerdict::unknown:
      return "wrong user or password";
    case LoginVerdict::not_from_here:
      return "guest may connect from the broker's own machine only";
    case LoginVerdict::not_permitted:
      return "the user has no permissions";
  }
  return "";
}

std::optional<PlainCredentials> read_plain(std::string_view response) {
  const std::size_t user_at = response.find('\0');
  if (user_at == std::string_view::npos) return std::nullopt;
  const std::size_t password_at = response.find('\0', user_at + 1);
  if (password_at == std::string_view::npos) return std::nullopt;
  return PlainCredentials{response.substr(user_at + 1, password_at - user_at - 1), response.substr(password_at + 1)};
}

}  // namespace tandem::wire
