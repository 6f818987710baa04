#include "broker/core/route.h"

#include <algorithm>

#include "broker/core/turn.h"

namespace tandem::core {
namespace {

/// Whether the encoded headers can have a field of this name: spares decoding them for every message.
bool may_have(Bytes headers, std::string_view name) {
  return !headers.empty() && text_of(headers).find(name) != std::string_view::npos;
}

void add_copies(Query& query, std::string_view header, std::vector<std::string_view>& keys) {
  const Value* copies = find(query.headers(), header);
  if (!copies || !copies->array()) return;
  for (const Value& copy : *copies->array())
    if (copy.text()) keys.push_back(*copy.text());
}

void match_default(const Catalog& catalog, Query& query) {
  if (const QueueId queue = catalog.find_queue(query.routing_key))
    query.matches.push_back({DestinationKind::queue, queue.value, BindingId()});
}

void add_exchange(RoutingRoom& room, const Exchange* exchange) {
  if (!exchange) return;
  const ExchangeId id = exchange->declared.id;
  if (std::find(room.exchanges.begin(), room.exchanges.end(), id) == room.exchanges.end())
    room.exchanges.push_back(id);
}

const Exchange* alternate_of(const Catalog& catalog, const Exchange& exchange) {
  const Value* name = find(exchange.declared.arguments, "alternate-exchange");
  return name && name->text() ? catalog.find_exchange(*name->text()) : nullptr;
}

void visit(const Catalog& catalog, const Exchange& exchange, RoutingRoom& room) {
  room.query.matches.clear();
  for (const std::string_view key : room.keys) {
    room.query.routing_key = key;
    if (exchange.is_default())
      match_default(catalog, room.query);
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

}  // namespace

const std::vector<Match>& route(Turn& turn, const Exchange& exchange, const MessageView& message) {
  const Catalog& catalog = turn.state().catalog;
  RoutingRoom& room = turn.session().routing;
  room.query.reset(message.properties);
  room.keys.assign(1, message.routing_key);
  if (may_have(message.properties.headers, "CC")) {
    add_copies(room.query, "CC", room.keys);
    add_copies(room.query, "BCC", room.keys);
  }
  room.found.clear();
  room.exchanges.assign(1, exchange.declared.id);
  for (std::size_t i = 0; i < room.exchanges.size(); ++i)
    visit(catalog, *catalog.find_exchange(room.exchanges[i]), room);
  drop_duplicates(room.found);
  return room.found;
}

std::optional<Refusal> judge_copies(Turn& turn, const MessageView& message) {
  if (!may_have(message.properties.headers, "CC")) return std::nullopt;
  Query& query = turn.session().routing.query;
  query.reset(message.properties);
  for (const std::string_view header : {"CC", "BCC"}) {
    const Value* copies = find(query.headers(), header);
    if (!copies) continue;
    const bool is_good =
        copies->array() && std::all_of(copies->array()->begin(), copies->array()->end(),
                                       [](const Value& copy) { return copy.text() != nullptr; });
    if (!is_good)
      return Refusal{ErrorCode::invalid_argument, ObjectKind::message, "",
                     std::string(header),         to_text(*copies),    "",
                     "expected an array of texts"};
  }
  return std::nullopt;
}

}  // namespace tandem::core
