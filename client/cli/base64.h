// Base64 (RFC 4648, section 4): how RabbitMQ's definitions write a password's hash.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tandem::cli {

std::string to_base64(std::string_view bytes);
/// nullopt for what is not whole, padded base64.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace tandem::cli
