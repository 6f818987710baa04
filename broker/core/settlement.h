// What happens to deliveries when they are settled, whoever asked for it.
#pragma once

#include <vector>

#include "broker/core/removals.h"

namespace tandem::core {

/// Places (in channel.unsettled) of the outstanding deliveries that a settle means. Refused with
/// unknown_delivery.
std::optional<Refusal> find_deliveries(Channel& channel, DeliveryTag first, DeliveryTag last, bool multiple,
                                       std::vector<std::size_t>& places, bool loosely = false);
/// Settles them in this call. Invalidates places and pointers into channel.unsettled.
void settle_at_once(Turn& turn, Channel& channel, const std::vector<std::size_t>& places, Outcome outcome);
/// Settles them, too, but for their queues only some in this call (BrokerOptions::settles_per_call_max): the others are the
/// session's last Settling, and next calls go on with them. False: there are such.
bool settle(Turn& turn, Channel& channel, const std::vector<std::size_t>& places, Outcome outcome);
/// As many as this call may still settle.
void go_on_settling(Turn& turn);
/// All of them, however many.
void finish_settling(Turn& turn);
/// Puts all that the channel holds back into its queues, in this call or in the next ones.
void requeue_all(Turn& turn, Channel& channel);

}  // namespace tandem::core
