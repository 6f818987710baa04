// Rewrites a message for its dead-letter exchange, as RabbitMQ does: the x-death list, the x-first-death-*
// headers, no expiration any more. Pure: bytes in, bytes out.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "broker/core/send.h"
#include "schemas/message.h"

namespace tandem::server {

/// The stored form of the rewritten message. nullopt when `stored` is not a whole message, or its properties
/// are malformed or would become too large.
std::optional<std::vector<std::byte>> rewrite_dead_letter(const core::RewriteDeadLetter& request,
                                                          Bytes stored);

}  // namespace tandem::server
