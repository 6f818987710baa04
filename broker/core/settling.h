// Deliveries that are settled piece by piece, in several calls: as many at once as one input can mean would keep everybody else
// waiting. For their client they are settled at once; their queues still hold them, and hand nothing out until what comes back
// is all there (QueueLife::returning).
#pragma once

#include <memory>

#include "broker/core/connections.h"

namespace tandem::core {

/// Where claims wait: a channel's ring, or that of one which is gone.
struct Settling {
  ChannelId channel;
  std::uint64_t channel_birth = 0;
  std::unique_ptr<UnsettledRing> left_behind;  // nullptr: the channel has its ring, or another Settling has it now
};

}  // namespace tandem::core
