#include "broker/core/producer.h"

#include <algorithm>

#include "broker/core/state.h"

namespace tandem::core {
namespace {

bool is_ending(const ProducerChanged& producer) {
  return producer.state == TransactionState::prepare_commit ||
         producer.state == TransactionState::prepare_abort;
}

std::pair<TimestampMs, std::int64_t> runs_out(const ProducerChanged& producer) {
  return {producer.started_at + producer.timeout, producer.producer_id};
}

}  // namespace

const ProducerChanged* Producers::find(std::string_view transactional_id) const {
  const auto it = producers_.find(transactional_id);
  return it == producers_.end() ? nullptr : &it->second;
}

const ProducerChanged* Producers::find(std::int64_t producer_id) const {
  const auto it = by_id_.find(producer_id);
  return it == by_id_.end() ? nullptr : it->second;
}

void Producers::index(const ProducerChanged& producer) {
  by_id_[producer.producer_id] = &producer;
  if (producer.state == TransactionState::ongoing) ongoing_.insert(runs_out(producer));
  if (is_ending(producer)) ending_.insert(producer.producer_id);
}

void Producers::unindex(const ProducerChanged& producer) {
  by_id_.erase(producer.producer_id);
  ongoing_.erase(runs_out(producer));
  ending_.erase(producer.producer_id);
}

void Producers::put(const ProducerChanged& producer) {
  const auto [it, is_new] = producers_.try_emplace(producer.transactional_id);
  if (!is_new) unindex(it->second);
  it->second = producer;
  index(it->second);
}

void Producers::erase(std::string_view transactional_id) {
  const auto it = producers_.find(transactional_id);
  if (it == producers_.end()) return;
  unindex(it->second);
  producers_.erase(it);
}

void apply(State& state, const ProducerChanged& record) {
  state.counters.next_producer = std::max(state.counters.next_producer, record.producer_id + 1);
  if (record.transactional_id.empty()) return;
  if (record.producer_id < 0)
    state.producers.erase(record.transactional_id);
  else
    state.producers.put(record);
}

void durable_producers(const State& state, std::vector<Record>& out) {
  for (const auto& [id, producer] : state.producers.all()) out.push_back(producer);
}

}  // namespace tandem::core
