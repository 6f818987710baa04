#include "broker/core/catalog.h"

#include <algorithm>

#include "broker/core/delayed.h"

namespace tandem::core {
namespace {

/// Of ends and key; bindings that differ in arguments only share it.
std::size_t content_hash(const Bound& binding) {
  std::size_t hash = NameHash{}(binding.routing_key);
  hash = (hash ^ binding.source.value) * 0x9E3779B97F4A7C15ull;
  return hash ^ DestinationHash {}({binding.destination_kind, binding.destination});
}

bool same_arguments(const Table& a, const Table& b) {
  return a.size() == b.size() && std::all_of(a.begin(), a.end(), [&b](const auto& entry) {
           const Value* other = find(b, entry.first);
           return other && equivalent(entry.second, *other);
         });
}

bool same_content(const Bound& a, const Bound& b) {
  return a.source == b.source && a.destination_kind == b.destination_kind && a.destination == b.destination &&
         a.routing_key == b.routing_key && same_arguments(a.arguments, b.arguments);
}

}  // namespace

Catalog::Catalog() {
  struct Predeclared {
    std::uint32_t id;
    const char* name;
    ExchangeKind kind;
  };
  for (const auto& [id, name, kind] : {Predeclared{1, "", ExchangeKind::direct},
                                       {2, "amq.direct", ExchangeKind::direct},
                                       {3, "amq.fanout", ExchangeKind::fanout},
                                       {4, "amq.topic", ExchangeKind::pattern},
                                       {5, "amq.headers", ExchangeKind::headers},
                                       {6, "amq.match", ExchangeKind::headers}})
    put(ExchangeDeclared{ExchangeId(id), name, kind, true, false, false, {}});
}

const Exchange* Catalog::find_exchange(std::string_view name) const {
  auto it = exchanges_by_name_.find(name);
  return it == exchanges_by_name_.end() ? nullptr : it->second;
}

QueueId Catalog::find_queue(std::string_view name) const {
  auto it = queues_by_name_.find(name);
  return it == queues_by_name_.end() ? QueueId() : it->second;
}

const Bound* Catalog::find_binding(const Bound& like) const {
  const auto [from, to] = bindings_by_content_.equal_range(content_hash(like));
  for (auto it = from; it != to; ++it)
    if (const Bound* binding = bindings_.find(it->second); same_content(*binding, like)) return binding;
  return nullptr;
}

const std::set<BindingId>* Catalog::bindings_to(DestinationKey destination) const {
  auto it = bindings_to_.find(destination);
  return it == bindings_to_.end() ? nullptr : &it->second;
}

void Catalog::put(const ExchangeDeclared& declared) {
  ++version_;
  auto exchange = std::make_unique<Exchange>();
  exchange->declared = declared;
  exchange->router = make_router(declared.kind, declared.arguments);
  if (declared.kind == ExchangeKind::delayed) exchange->waiting_room = waiting_room_of(declared.name);
  exchanges_by_name_[declared.name] = &exchanges_.put(declared.id, std::move(exchange));
}

void Catalog::erase(ExchangeId id) {
  ++version_;
  const Exchange* exchange = exchanges_.find(id);
  if (!exchange) return;
  exchanges_by_name_.erase(exchange->declared.name);
  exchanges_.erase(id);
}

void Catalog::put(const Bound& bound) {
  ++version_;
  Exchange* source = exchanges_.find(bound.source);
  if (!source || bindings_.find(bound.id)) return;
  const Bound& binding = bindings_.put(bound.id, std::make_unique<Bound>(bound));
  source->bindings.insert(binding.id);
  source->router->add(binding);
  bindings_by_content_.emplace(content_hash(binding), binding.id);
  bindings_to_[{binding.destination_kind, binding.destination}].insert(binding.id);
}

void Catalog::erase(BindingId id) {
  ++version_;
  const Bound* binding = bindings_.find(id);
  if (!binding) return;
  if (Exchange* source = exchanges_.find(binding->source)) {
    source->bindings.erase(id);
    source->router->remove(*binding);
  }
  const auto [from, to] = bindings_by_content_.equal_range(content_hash(*binding));
  bindings_by_content_.erase(std::find_if(from, to, [id](const auto& entry) { return entry.second == id; }));
  auto there = bindings_to_.find({binding->destination_kind, binding->destination});
  there->second.erase(id);
  if (there->second.empty()) bindings_to_.erase(there);
  bindings_.erase(id);
}

void Catalog::name_queue(std::string_view name, QueueId id) {
  ++version_;
  queues_by_name_[std::string(name)] = id;
}

void Catalog::forget_queue(std::string_view name) {
  ++version_;
  if (auto it = queues_by_name_.find(name); it != queues_by_name_.end()) queues_by_name_.erase(it);
}

}  // namespace tandem::core
