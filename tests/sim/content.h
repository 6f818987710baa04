// Bodies of the simulation's messages: made from a message's number, and known again byte by byte.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "schemas/message.h"
#include "tests/support/promises.h"

namespace tandem::sim {

/// From 8 bytes to more than a journal block.
std::vector<std::byte> content_of(support::MessageNumber number);
/// The number, when `bytes` are exactly what content_of() made of it.
std::optional<support::MessageNumber> number_in(Bytes bytes);

/// A stored message around content_of(number).
std::vector<std::byte> message_of(support::MessageNumber number, const Properties& properties,
                                  std::string_view exchange, std::string_view routing_key);

}  // namespace tandem::sim
