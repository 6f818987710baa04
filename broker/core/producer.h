// Transactional producers: the durable state of each transactional id. (What a partition remembers of any
// idempotent producer is its ProducerWindow.)
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/core/record.h"

namespace tandem::core {

class State;

class Producers {
 public:
  Producers() = default;
  Producers(const Producers&) = delete;
  Producers& operator=(const Producers&) = delete;

  /// nullptr when unknown.
  const ProducerChanged* find(std::string_view transactional_id) const;
  const ProducerChanged* find(std::int64_t producer_id) const;

  /// By transactional id.
  const std::map<std::string, ProducerChanged, std::less<>>& all() const { return producers_; }
  /// Producers whose transaction is going on, by the time it runs out.
  const std::set<std::pair<TimestampMs, std::int64_t>>& ongoing() const { return ongoing_; }
  /// Producers whose transaction was ended and waits for its markers, by id.
  const std::set<std::int64_t>& ending() const { return ending_; }

  // Only for apply():
  void put(const ProducerChanged& producer);
  void erase(std::string_view transactional_id);

 private:
  void index(const ProducerChanged& producer);
  void unindex(const ProducerChanged& producer);

  std::map<std::string, ProducerChanged, std::less<>> producers_;
  std::unordered_map<std::int64_t, const ProducerChanged*> by_id_;
  std::set<std::pair<TimestampMs, std::int64_t>> ongoing_;
  std::set<std::int64_t> ending_;
};

/// A plain idempotent producer (transactional_id "") only moves the next producer id on; a transactional one
/// with producer_id -1 is forgotten.
void apply(State& state, const ProducerChanged& record);

/// All of it as records, by transactional id.
void durable_producers(const State& state, std::vector<Record>& out);

}  // namespace tandem::core
