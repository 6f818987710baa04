// Deliveries that are settled in several calls: as many at once as one input can mean would keep everybody else waiting.
// For their channel they are settled; their queues still hold them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "broker/core/connections.h"
#include "broker/core/input.h"

namespace tandem::core {

struct Settling {
  std::vector<Unsettled> deliveries;  // by queue and seq; without consumers
  std::size_t next = 0;               // those before it are done
  Outcome outcome = Outcome::ack;
  std::optional<Caller> who;  // is told Ok when all are done, if its channel is still
  std::uint64_t channel_birth = 0;  // the one of that birth

  std::span<Unsettled> rest() { return std::span(deliveries).subspan(next); }
  std::span<const Unsettled> rest() const { return std::span(deliveries).subspan(next); }
};

}  // namespace tandem::core
