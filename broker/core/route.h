// Where a message goes: from an exchange over bindings, exchanges bound to exchanges and alternate exchanges
// to queues and topics.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/id_table.h"
#include "broker/core/router.h"

namespace tandem::core {

class Turn;
struct Exchange;

/// Where messages without headers went lately: they go there again as long as the catalog is the same. A few keys
/// make most of the traffic of most brokers, and a look here costs a tenth of routing.
class RecentRoutes {
 public:
  /// nullptr when it is not remembered.
  const std::vector<Match>* find(std::uint64_t catalog_version, ExchangeId exchange, std::string_view key) const;
  const std::vector<Match>& put(std::uint64_t catalog_version, ExchangeId exchange, std::string_view key,
                                const std::vector<Match>& found);

 private:
  struct Slot {
    std::uint64_t catalog_version = 0;
    ExchangeId exchange;
    std::string key;
    std::vector<Match> found;
  };
  /// 20 KiB; one more key that falls on a slot takes it over.
  static constexpr std::size_t slots_max = 256;
  /// A route with more destinations is looked up each time: what it costs to follow them is more.
  static constexpr std::size_t found_max = 16;
  static std::size_t slot_of(ExchangeId exchange, std::string_view key);

  std::vector<Slot> slots_ = std::vector<Slot>(slots_max);
};

/// What routing works in; reused from message to message.
struct RoutingRoom {
  Query query;
  std::vector<std::string_view> keys;  // routing key, then CC and BCC
  std::vector<ExchangeId> exchanges;   // visited or to be visited, each once
  std::vector<Match> found;
  RecentRoutes recent;
  IdTable<ExchangeId, std::uint64_t> published;  // messages that entered each exchange since start
};

/// The queues and topics that take the message, each once, ordered by kind and id. Valid until the next call.
const std::vector<Match>& route(Turn& turn, const Exchange& exchange, const MessageView& message);

/// What is wrong with the headers CC and BCC, if anything.
std::optional<Refusal> judge_copies(Turn& turn, const MessageView& message);

}  // namespace tandem::core
