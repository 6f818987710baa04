// Producers as people and tools see them: what partitions remember of them, and how their transactions stand.
#include <algorithm>

#include "broker/core/producer_verbs.h"

namespace tandem::core {
namespace {

void describe_producers_of(const Topic& topic, Described& out) {
  for (std::size_t index = 0; index < topic.partitions.size(); ++index)
    for (const ProducerWindow& window : topic.partitions[index].producers)
      out.producers.push_back({topic.facts.name, static_cast<PartitionIndex>(index), window});
}

TransactionInfo info_of(const State& state, const ProducerChanged& producer) {
  TransactionInfo info{producer, {}};
  for (const PartitionId id : producer.partitions)
    if (const Topic* topic = state.topics.find(id.topic))
      info.partitions.emplace_back(topic->facts.name, id.index);
  std::sort(info.partitions.begin(), info.partitions.end());
  return info;
}

}  // namespace

void describe_producers(const State& state, std::string_view topic, Described& out) {
  if (!topic.empty()) {
    if (const Topic* found = state.topics.find(topic)) describe_producers_of(*found, out);
    return;
  }
  for (const auto& [id, each] : state.topics.all()) describe_producers_of(each, out);
}

void describe_transactions(const State& state, std::string_view transactional_id, Described& out) {
  if (!transactional_id.empty()) {
    if (const ProducerChanged* found = state.producers.find(transactional_id))
      out.transactions.push_back(info_of(state, *found));
    return;
  }
  for (const auto& [id, producer] : state.producers.all())
    out.transactions.push_back(info_of(state, producer));
}

}  // namespace tandem::core
