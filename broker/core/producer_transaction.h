// Pieces that the verbs of producers share.
#pragma once

#include <string_view>

#include "broker/core/turn.h"

namespace tandem::core {

/// A refusal about the transaction of this transactional id.
Refusal producer_refusal(ErrorCode code, std::string_view transactional_id);

/// For transactions that a restart found decided but not ended.
void ask_for_lost_markers(Turn& turn);

}  // namespace tandem::core
