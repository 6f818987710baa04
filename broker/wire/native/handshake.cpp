#include "broker/wire/native/handshake.h"

#include <algorithm>

#include "broker/base/limits.h"
#include "broker/wire/native/fields.h"

namespace tandem::wire::native {
namespace {

// A shorter interval would be load without use, a longer one no sign of life.
constexpr std::uint32_t heartbeat_min_ms = 100;
constexpr std::uint32_t heartbeat_max_ms = 3'600'000;

std::string span_text(std::uint16_t first, std::uint16_t last) {
  const std::string from = std::to_string(first);
  return first == last ? "version " + from : "versions " + from + " to " + std::to_string(last);
}

Result<std::uint16_t> choose_version(std::uint16_t client_min, std::uint16_t client_max) {
  const std::string both = "it speaks " + span_text(client_min, client_max) +
                           " of the native protocol, this broker " +
                           span_text(protocol_version_min, protocol_version_max);
  if (client_min > client_max)
    return Error{ErrorCode::not_supported, "Hello names an empty range of versions: " + both};
  if (client_max < protocol_version_min)
    return Error{ErrorCode::not_supported, "the client is too old: " + both};
  if (client_min > protocol_version_max)
    return Error{ErrorCode::not_supported, "the client is too new: " + both};
  return std::min(client_max, protocol_version_max);
}

/// Without users, whoever is on this machine is guest and need not say so.
Result<std::string> judge_user(const fb::Hello& hello, const FaceContext& context) {
  const std::string_view user = text_of(hello.user());
  if (user.empty() && context.port->has_users())
    return Error{ErrorCode::not_authorized, "a user and a password are wanted"};
  const Login login = user.empty() ? Login{guest_name, guest_name, context.loopback}
                                   : Login{user, text_of(hello.password()), context.loopback};
  const LoginVerdict verdict = context.port->log_in(login, context.peer);
  if (verdict == LoginVerdict::welcome) return std::string(login.user);
  return Error{ErrorCode::not_authorized,
               "user '" + std::string(login.user.substr(0, limits::name_size_max_bytes)) + "' from " + context.peer +
                   ": " + std::string(to_text(verdict))};
}

}  // namespace

Result<Agreement> judge_hello(const fb::Hello& hello, const FaceContext& context) {
  Agreement agreement;
  auto version = choose_version(hello.version_min(), hello.version_max());
  if (!version) return version.error();
  auto user = judge_user(hello, context);
  if (!user) return user.error();
  agreement.version = *version;
  agreement.user = std::move(*user);
  agreement.client_name = text_of(hello.client_name()).substr(0, limits::name_size_max_bytes);
  agreement.connection_name =
      agreement.client_name.empty() ? context.peer : agreement.client_name + " (" + context.peer + ")";
  if (hello.heartbeat_ms() != 0)
    agreement.heartbeat = std::clamp(hello.heartbeat_ms(), heartbeat_min_ms, heartbeat_max_ms);
  return agreement;
}

void say_hello(Speaker& speaker, std::uint64_t correlation, const Agreement& agreement,
               const BrokerPort& port) {
  const auto user = text_field(agreement.user);
  const auto broker_version = text_field(port.fact("version"));
  const auto cluster_id = text_field(port.fact("cluster_id"));
  fb::HelloBuilder hello(Speaker::builder());
  hello.add_version_min(agreement.version);
  hello.add_version_max(agreement.version);
  hello.add_heartbeat_ms(static_cast<std::uint32_t>(agreement.heartbeat));
  hello.add_user(user);
  hello.add_broker_version(broker_version);
  hello.add_cluster_id(cluster_id);
  speaker.say(correlation, 0, hello.Finish());
}

}  // namespace tandem::wire::native
