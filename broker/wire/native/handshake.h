// The first exchange of a connection: which version is spoken, who it is, how often each side says something.
#pragma once

#include <string>

#include "broker/wire/face.h"
#include "broker/wire/native/speaker.h"
#include "schemas/result.h"

namespace tandem::wire::native {

/// Versions of the protocol that this broker speaks. A version is raised when an old peer could
/// misunderstand; fields and messages that an old peer may ignore do not need one.
inline constexpr std::uint16_t protocol_version_min = 1;
inline constexpr std::uint16_t protocol_version_max = 1;

struct Agreement {
  std::uint16_t version = 0;
  DurationMs heartbeat = 0;  // 0 = none
  std::string user;
  std::string client_name;      // as the client calls itself; may be empty
  std::string connection_name;  // for people: the client's name, if any, and its address
};

/// Errors: not_supported (no version in common), not_authorized.
Result<Agreement> judge_hello(const fb::Hello& hello, const FaceContext& context);

void say_hello(Speaker& speaker, std::uint64_t correlation, const Agreement& agreement,
               const BrokerPort& port);

}  // namespace tandem::wire::native
