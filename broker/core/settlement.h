// What happens to deliveries when they are settled, whoever asked for it.
#pragma once

#include <vector>

#include "broker/core/removals.h"

namespace tandem::core {

/// Places (in channel.unsettled) of the outstanding deliveries that a settle means; of a `multiple` those behind `above` only. Refused with
/// unknown_delivery.
std::optional<Refusal> find_deliveries(Channel& channel, DeliveryTag first, DeliveryTag last, bool multiple,
                                       std::vector<std::size_t>& places, bool loosely = false, DeliveryTag above = 0);
/// Settles them, in this call. Invalidates places and pointers into channel.unsettled.
void settle(Turn& turn, Channel& channel, const std::vector<std::size_t>& places, Outcome outcome);
/// Carries claims out, as far as this call may (BrokerOptions::settles_per_call_max).
void go_on_settling(Turn& turn);
/// All of them, however many.
void finish_settling(Turn& turn);
/// Gives back to their queues what the channel holds, in this call or in the next ones; it holds nothing any more.
void give_back_all(Turn& turn, Channel& channel);

}  // namespace tandem::core
