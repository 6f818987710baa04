// Rewrites a message for its dead-letter exchange, as RabbitMQ does: the x-death list, the x-first-death-*
// headers, no expiration any more. Pure: bytes in, bytes out.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "broker/core/send.h"
#include "schemas/message.h"

namespace tandem::server {

struct DeadLetter {
  std::vector<std::byte> message;  // stored form
  /// Queues that this message must not enter again: it came from there without anyone rejecting it on the
  /// way, so it would go round for ever.
  std::vector<std::string> cycle_queues;
};

/// nullopt when `stored` is not a whole message, or its properties are malformed or would become too large.
std::optional<DeadLetter> rewrite_dead_letter(const core::RewriteDeadLetter& request, Bytes stored);

}  // namespace tandem::server
