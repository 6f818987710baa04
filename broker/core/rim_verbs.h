// What the rim reports: connections, the disk, time.
#pragma once

#include "broker/core/turn.h"

namespace tandem::core {

void handle(Turn& turn, const ConnectionOpened& input);
void handle(Turn& turn, const ConnectionClosed& input);
void handle(Turn& turn, const ConnectionWritable& input);
void handle(Turn& turn, const ChannelClosed& input);
void handle(Turn& turn, const Persisted& input);
void handle(Turn& turn, const Tick& input);
void handle(Turn& turn, const RunLoaded& input);
void handle(Turn& turn, const RunUnreadable& input);
void handle(Turn& turn, const CheckpointBegun& input);
void handle(Turn& turn, const CheckpointDone& input);
void handle(Turn& turn, const ResourceAlarm& input);
void handle(Turn& turn, const Describe& input);

}  // namespace tandem::core
