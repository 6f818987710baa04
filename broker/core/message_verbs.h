// Publishing, consuming and settling: one file per verb.
#pragma once

#include "broker/core/turn.h"

namespace tandem::core {

void handle(Turn& turn, const Publish& input);
void handle(Turn& turn, const PublishMany& input);
void handle(Turn& turn, const CheckPublish& input);
void handle(Turn& turn, const Subscribe& input);
void handle(Turn& turn, const Unsubscribe& input);
void handle(Turn& turn, const SetChannelPrefetch& input);
void handle(Turn& turn, const SetConsumerPrefetch& input);
void handle(Turn& turn, const Get& input);
void handle(Turn& turn, const Peek& input);
void handle(Turn& turn, const Settle& input);
void handle(Turn& turn, const Recover& input);
void handle(Turn& turn, const Transaction& input);
void handle(Turn& turn, const DeadLetterReady& input);
void handle(Turn& turn, const DelayedReady& input);
void handle(Turn& turn, const CancelDelayed& input);

}  // namespace tandem::core
