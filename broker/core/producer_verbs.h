// What can be done with producers and their transactions (Kafka's protocol; the broker's own transactions are the input
// Transaction), one file per verb.
#pragma once

#include "broker/core/turn.h"

namespace tandem::core {

void handle(Turn& turn, const InitProducer& input);
void handle(Turn& turn, const AddPartitionsToTransaction& input);
void handle(Turn& turn, const AddOffsetsToTransaction& input);
void handle(Turn& turn, const EndTransaction& input);
void handle(Turn& turn, const MarkersReady& input);

}  // namespace tandem::core
