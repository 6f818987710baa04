// Looking at a queue: what can be handed out is handed out, what is over is removed, what is needed is read
// back.
#pragma once

#include "broker/core/turn.h"

namespace tandem::core {

/// Ends a call: what was added becomes visible (now, when nothing of it needs the disk), and marked queues
/// are looked at. What is beyond the call's measure stays marked.
void finish_call(Turn& turn);

/// Turns of these queues and partitions are on disk.
void show_persisted(Turn& turn);

/// The queue of a waiting Get or Peek is gone.
void answer_get_with_nothing(Turn& turn, const ParkedGet& get);

}  // namespace tandem::core
