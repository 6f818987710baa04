// The core's part of a checkpoint: what it gives when one begins, and what it learns when one is done.
#pragma once

#include "broker/core/turn.h"

namespace tandem::core {

/// State records of all that changed since the last checkpoint, and the messages whose bytes are still in the
/// journal. Everything is clean afterwards.
void checkpoint(State& state, const Session& session, CheckpointState& out);

/// Survivors are at new places: entries in RAM point there, runs are known, and what is beyond the limit of
/// entries in RAM leaves it.
void apply_homes(State& state, Session& session, Turn& turn, const CheckpointDone& done);

}  // namespace tandem::core
