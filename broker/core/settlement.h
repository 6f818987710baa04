// What happens to deliveries when they are settled, whoever asked for it.
#pragma once

#include <vector>

#include "broker/core/removals.h"

namespace tandem::core {

/// Places (in channel.unsettled) of the outstanding deliveries that a settle means. Refused with
/// unknown_delivery.
std::optional<Refusal> find_deliveries(Channel& channel, DeliveryTag first, DeliveryTag last, bool multiple,
                                       std::vector<std::size_t>& places, bool loosely = false);
/// Settles them. Invalidates places and pointers into channel.unsettled.
void settle(Turn& turn, Channel& channel, const std::vector<std::size_t>& places, Outcome outcome);
/// Puts all that the channel holds back into its queues.
void requeue_all(Turn& turn, Channel& channel);

}  // namespace tandem::core
