// What can be done with policies.
#pragma once

#include "broker/core/turn.h"

namespace tandem::core {

void handle(Turn& turn, const SetPolicy& input);
void handle(Turn& turn, const DeletePolicy& input);

}  // namespace tandem::core
