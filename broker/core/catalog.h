// Exchanges, bindings, and the names of queues. Changed by apply() only; the predeclared exchanges are there
// from the start, without records, under ids 1 to 6.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string_view>
#include <unordered_map>

#include "broker/core/id_table.h"
#include "broker/core/name_map.h"
#include "broker/core/record.h"
#include "broker/core/router.h"

namespace tandem::core {

class State;

/// Ids of exchanges that clients declare begin here; below are the predeclared ones.
inline constexpr std::uint32_t exchange_id_first = 100;

struct Exchange {
  ExchangeDeclared declared;
  std::unique_ptr<Router> router;
  std::set<BindingId> bindings;  // whose source it is
  std::string alternate;         // exchange that takes what no binding takes: argument or policy; "" = none
  std::string policy;            // that applies to it; "" = none
  std::string waiting_room;      // queue of a delayed exchange (delayed.h); "" = of another kind
  bool is_default() const { return declared.id.value == 1; }
  bool is_predeclared() const { return declared.id.value < exchange_id_first; }
};

/// What a binding may lead to.
struct DestinationKey {
  DestinationKind kind = DestinationKind::queue;
  std::uint32_t id = 0;
  friend bool operator==(const DestinationKey&, const DestinationKey&) = default;
};
struct DestinationHash {
  std::size_t operator()(const DestinationKey& key) const noexcept {
    return (std::size_t{key.id} << 2 | static_cast<std::size_t>(key.kind)) * 0x9E3779B97F4A7C15ull;
  }
};

class Catalog {
 public:
  Catalog();

  const Exchange* find_exchange(std::string_view name) const;
  const Exchange* find_exchange(ExchangeId id) const { return exchanges_.find(id); }
  /// 0 when there is no such queue.
  QueueId find_queue(std::string_view name) const;

  const Bound* find_binding(BindingId id) const { return bindings_.find(id); }
  /// The binding with these ends, key and arguments, or nullptr.
  const Bound* find_binding(const Bound& like) const;
  /// Bindings that lead there, ids ascending; nullptr when there are none.
  const std::set<BindingId>* bindings_to(DestinationKey destination) const;

  const IdTable<ExchangeId, Exchange>& exchanges() const { return exchanges_; }
  const IdTable<BindingId, Bound>& bindings() const { return bindings_; }
  std::size_t exchanges_count() const { return exchanges_.size(); }
  std::size_t bindings_count() const { return bindings_.size(); }
  /// Another number after every change that routing may depend on; never 0.
  std::uint64_t version() const { return version_; }

  // Only for apply():
  void put(const ExchangeDeclared& exchange);
  void erase(ExchangeId id);
  void put(const Bound& binding);
  void erase(BindingId id);
  void name_queue(std::string_view name, QueueId id);
  void forget_queue(std::string_view name);
  /// Something else changed where messages go: a topic, which the default exchange finds by its name.
  void change_routes() { ++version_; }
  Exchange* change_exchange(ExchangeId id) {
    change_routes();
    return exchanges_.find(id);
  }
  template <class Visit>
  void for_each_exchange(Visit visit) {
    change_routes();
    exchanges_.for_each(visit);
  }

 private:
  std::uint64_t version_ = 1;
  IdTable<ExchangeId, Exchange> exchanges_;
  NameMap<Exchange*> exchanges_by_name_;
  NameMap<QueueId> queues_by_name_;
  IdTable<BindingId, Bound> bindings_;
  std::unordered_multimap<std::size_t, BindingId> bindings_by_content_;
  std::unordered_map<DestinationKey, std::set<BindingId>, DestinationHash> bindings_to_;
};

}  // namespace tandem::core
