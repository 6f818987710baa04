// Who wants in: the responses of connection.start-ok.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tandem::wire::amqp {

inline constexpr std::string_view sasl_mechanisms = "PLAIN AMQPLAIN";

struct Credentials {
  std::string user;
  std::string password;
};

bool is_known_mechanism(std::string_view mechanism);
/// nullopt when the response is not one of this (known) mechanism.
std::optional<Credentials> read_credentials(std::string_view mechanism, std::string_view response);

}  // namespace tandem::wire::amqp
