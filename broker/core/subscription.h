// Consumers come and go.
#pragma once

#include "broker/core/turn.h"

namespace tandem::core {

/// The consumer is no more; what it holds stays with its channel.
void forget_consumer(Turn& turn, Consumer& consumer);
/// The same for one that leaves on its own: its queue may go with it (auto-delete), or the next one becomes
/// active.
void cancel_consumer(Turn& turn, Consumer& consumer);
/// Those that can take a message now stand in line again, and their queues are looked at.
void line_up_consumers(Turn& turn, Channel& channel);
void line_up_consumers(Turn& turn, Connection& connection);
void line_up(Turn& turn, Consumer& consumer);
/// Consumers whose subscription was answered meanwhile begin to take messages.
void start_consumers(Turn& turn);

}  // namespace tandem::core
