// Who may come in, as every face asks it of the server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::wire {

struct Login {
  std::string_view user, password;
  bool loopback = false;  // the peer is on this machine
};

enum class LoginVerdict : std::uint8_t {
  welcome,
  unknown,       // no such user, or another password: which of the two is nobody's business
  not_from_here, // guest, from another machine
  not_permitted  // the user is who it says, and may use nothing here
};

inline constexpr std::string_view guest_name = "guest";

/// While there are no users: guest with the password guest, from this machine.
LoginVerdict judge_guest(const Login& login);

/// For people; "" for welcome.
std::string_view to_text(LoginVerdict verdict);

/// What SASL PLAIN carries (RFC 4616): authorization id, user, password, with a zero octet between. The views are of
/// `response`; nullopt: it is something else.
struct PlainCredentials {
  std::string_view user, password;
};
std::optional<PlainCredentials> read_plain(std::string_view response);

}  // namespace tandem::wire
