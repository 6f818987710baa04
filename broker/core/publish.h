// The checks that every publish passes, alone or in a transaction.
#pragma once

#include "broker/core/turn.h"

namespace tandem::core {

/// Refused: exchange unknown (nullptr) or internal, message too large, properties that cannot be. `exchange` is the one
/// that the message names.
std::optional<Refusal> check_publish(Turn& turn, const Caller& who, const Exchange* exchange,
                                     const MessageView& message);

struct PublishOutcome {
  bool routed = false;    // at least one queue or topic was found
  bool accepted = false;  // none of them rejected it
};
/// Only after check_publish().
PublishOutcome do_publish(Turn& turn, const Exchange& exchange, const MessageView& message);

}  // namespace tandem::core
