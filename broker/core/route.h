// Where a message goes: from an exchange over bindings, exchanges bound to exchanges and alternate exchanges
// to queues and topics.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "broker/core/id_table.h"
#include "broker/core/router.h"

namespace tandem::core {

class Turn;
struct Exchange;

/// What routing works in; reused from message to message.
struct RoutingRoom {
  Query query;
  std::vector<std::string_view> keys;  // routing key, then CC and BCC
  std::vector<ExchangeId> exchanges;   // visited or to be visited, each once
  std::vector<Match> found;
  IdTable<ExchangeId, std::uint64_t> published;  // messages that entered each exchange since start
};

/// The queues and topics that take the message, each once, ordered by kind and id. Valid until the next call.
const std::vector<Match>& route(Turn& turn, const Exchange& exchange, const MessageView& message);

/// What is wrong with the headers CC and BCC, if anything.
std::optional<Refusal> judge_copies(Turn& turn, const MessageView& message);

}  // namespace tandem::core
