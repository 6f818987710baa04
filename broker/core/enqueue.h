// A message enters queues and topics: after routing, before it is visible.
#pragma once

#include <vector>

#include "broker/core/turn.h"

namespace tandem::core {

/// Whether the queue's overflow policy refuses one more message of this size. `more` and `more_bytes`: what
/// is on its way into it already, in the same transaction.
bool rejects(const Turn& turn, const Queue& queue, std::uint32_t size_bytes, std::uint64_t more = 0,
             std::uint64_t more_bytes = 0);

/// Puts the message into each. False when one of the queues rejected it; the others have it.
bool put_into(Turn& turn, const std::vector<Match>& destinations, const MessageView& message);

}  // namespace tandem::core
