#include "broker/core/route.h"

#include <algorithm>
#include <cstring>

#include "broker/core/delayed.h"
#include "broker/core/turn.h"

namespace tandem::core {
namespace {

/// Whether the encoded headers can have a field of this name: spares decoding them for every message.
bool may_have(Bytes headers, std::string_view name) {
  return !headers.empty() && text_of(headers).find(name) != std::string_view::npos;
}

/// What is no text among them is passed over, as by RabbitMQ.
void add_copies(Query& query, std::string_view header, std::vector<std::string_view>& keys) {
  const Value* copies = find(query.headers(), header);
  if (!copies || !copies->array()) return;
  for (const Value& copy : *copies->array())
    if (copy.text()) keys.push_back(*copy.text());
}

/// A queue's name, or else a topic's.
void match_default(const Catalog& catalog, const Topics& topics, Query& query) {
  if (is_waiting_room(query.routing_key)) return;
  if (const QueueId queue = catalog.find_queue(query.routing_key))
    query.matches.push_back({DestinationKind::queue, queue.value, BindingId()});
  else if (const Topic* topic = topics.find(query.routing_key))
    query.matches.push_back({DestinationKind::topic, topic->facts.id.value, BindingId()});
}

void add_exchange(RoutingRoom& room, const Exchange* exchange) {
  if (!exchange) return;
  const ExchangeId id = exchange->declared.id;
  if (std::find(room.exchanges.begin(), room.exchanges.end(), id) == room.exchanges.end())
    room.exchanges.push_back(id);
}

const Exchange* alternate_of(const Catalog& catalog, const Exchange& exchange) {
  return exchange.alternate.empty() ? nullptr : catalog.find_exchange(exchange.alternate);
}

/// The message has a delay before it, at this exchange: it goes to the waiting room instead of being routed.
bool waits(const Catalog& catalog, const Exchange& exchange, RoutingRoom& room) {
  if (exchange.waiting_room.empty() || !delay_of(room.query.headers())) return false;
  room.found.push_back({DestinationKind::queue, catalog.find_queue(exchange.waiting_room).value, BindingId()});
  return true;
}

void visit(const State& state, const Exchange& exchange, RoutingRoom& room) {
  const Catalog& catalog = state.catalog;
  if (waits(catalog, exchange, room)) return;
  room.query.matches.clear();
  for (const std::string_view key : room.keys) {
    room.query.routing_key = key;
    if (exchange.is_default())
      match_default(catalog, state.topics, room.query);
    else
      exchange.router->match(room.query);
  }
  if (room.query.matches.empty()) return add_exchange(room, alternate_of(catalog, exchange));
  for (const Match& match : room.query.matches) {
    if (match.kind == DestinationKind::exchange)
      add_exchange(room, catalog.find_exchange(ExchangeId(match.destination)));
    else
      room.found.push_back(match);
  }
}

void drop_duplicates(std::vector<Match>& found) {
  if (found.size() < 2) return;
  const auto before = [](const Match& a, const Match& b) {
    return std::tie(a.kind, a.destination, a.binding) < std::tie(b.kind, b.destination, b.binding);
  };
  const auto same = [](const Match& a, const Match& b) {
    return a.kind == b.kind && a.destination == b.destination;
  };
  if (!std::is_sorted(found.begin(), found.end(), before)) std::sort(found.begin(), found.end(), before);
  found.erase(std::unique(found.begin(), found.end(), same), found.end());
}

/// By exchanges, bindings and alternates, whatever was remembered.
void find_destinations(const State& state, const Exchange& exchange, const MessageView& message, RoutingRoom& room) {
  room.keys.assign(1, message.routing_key);
  if (may_have(message.properties.headers, "CC")) {
    add_copies(room.query, "CC", room.keys);
    add_copies(room.query, "BCC", room.keys);
  }
  room.found.clear();
  room.exchanges.assign(1, exchange.declared.id);
  for (std::size_t i = 0; i < room.exchanges.size(); ++i)
    visit(state, *state.catalog.find_exchange(room.exchanges[i]), room);
  drop_duplicates(room.found);
}

}  // namespace

std::size_t RecentRoutes::slot_of(ExchangeId exchange, std::string_view key) {
  // Keys that differ often do so at their end: its last eight bytes, the length and the exchange make a good mix.
  std::uint64_t end = 0;
  const std::size_t size = std::min(key.size(), sizeof end);
  if (size > 0) std::memcpy(&end, key.data() + key.size() - size, size);
  return ((end ^ key.size() << 56 ^ exchange.value) * 0x9E3779B97F4A7C15ull >> 32) % slots_max;
}

const std::vector<Match>* RecentRoutes::find(std::uint64_t catalog_version, ExchangeId exchange,
                                             std::string_view key) const {
  const Slot& slot = slots_[slot_of(exchange, key)];
  const bool is_it = slot.catalog_version == catalog_version && slot.exchange == exchange && slot.key == key;
  return is_it ? &slot.found : nullptr;
}

const std::vector<Match>& RecentRoutes::put(std::uint64_t catalog_version, ExchangeId exchange, std::string_view key,
                                            const std::vector<Match>& found) {
  if (found.size() > found_max) return found;
  Slot& slot = slots_[slot_of(exchange, key)];
  slot.catalog_version = catalog_version;
  slot.exchange = exchange;
  slot.key = key;
  slot.found = found;
  return slot.found;
}

const std::vector<Match>& route(Turn& turn, const Exchange& exchange, const MessageView& message) {
  const Catalog& catalog = turn.state().catalog;
  RoutingRoom& room = turn.session().routing;
  room.query.reset(message.properties);
  const bool has_headers = !message.properties.headers.empty();
  if (!has_headers)
    if (const auto* found = room.recent.find(catalog.version(), exchange.declared.id, message.routing_key)) return *found;
  find_destinations(turn.state(), exchange, message, room);
  if (has_headers || room.query.looked_at_properties()) return room.found;
  return room.recent.put(catalog.version(), exchange.declared.id, message.routing_key, room.found);
}

std::optional<Refusal> judge_copies(Turn& turn, const MessageView& message) {
  if (!may_have(message.properties.headers, "CC")) return std::nullopt;
  Query& query = turn.session().routing.query;
  query.reset(message.properties);
  for (const std::string_view header : {"CC", "BCC"}) {
    const Value* copies = find(query.headers(), header);
    if (!copies || copies->array()) continue;
    return Refusal{ErrorCode::invalid_argument, ObjectKind::message, "",
                   std::string(header),         to_text(*copies),    "",
                   "expected an array"};
  }
  return std::nullopt;
}

}  // namespace tandem::core
