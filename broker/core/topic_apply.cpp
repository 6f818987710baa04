// Records of topics: the only code that changes what is durable of them.
#include <algorithm>

#include "broker/core/producer_window.h"
#include "broker/core/state.h"
#include "broker/core/topic.h"

namespace tandem::core {
namespace {

/// Makes room for one more producer. Decided from records alone, so that a restart forgets the same one.
void make_room(Partition& partition) {
  if (partition.producers.size() < Partition::producers_max) return;
  auto oldest = partition.producers.end();
  for (auto it = partition.producers.begin(); it != partition.producers.end(); ++it) {
    if (it->transaction_start >= 0) continue;
    if (oldest == partition.producers.end() || newest_offset(*it) < newest_offset(*oldest)) oldest = it;
  }
  if (oldest != partition.producers.end()) partition.producers.erase(oldest);
}

ProducerWindow& window_of(Partition& partition, std::int64_t producer_id) {
  const auto before = [](const ProducerWindow& window, std::int64_t id) { return window.producer_id < id; };
  auto& all = partition.producers;
  auto it = std::lower_bound(all.begin(), all.end(), producer_id, before);
  if (it != all.end() && it->producer_id == producer_id) return *it;
  make_room(partition);
  it = std::lower_bound(all.begin(), all.end(), producer_id, before);
  it = all.insert(it, ProducerWindow{});
  it->producer_id = producer_id;
  it->batches.reserve(window_batches_max);
  return *it;
}

Offset first_unstable(const Partition& partition) {
  Offset first = -1;
  for (const ProducerWindow& window : partition.producers)
    if (window.transaction_start >= 0 && (first < 0 || window.transaction_start < first))
      first = window.transaction_start;
  return first;
}

/// A marker ends its producer's transaction here. Whether it aborts it is the producer's state: the decision
/// is on disk before markers are written.
void end_transaction(const State& state, Partition& partition, const Appended& marker) {
  ProducerWindow& window = window_of(partition, marker.producer_id);
  const ProducerChanged* producer = state.producers.find(marker.producer_id);
  if (producer && producer->state == TransactionState::prepare_abort && window.transaction_start >= 0)
    partition.aborted.push_back({marker.producer_id, window.transaction_start, marker.base_offset});
  if (window.epoch != marker.producer_epoch) window.batches.clear();
  window.epoch = marker.producer_epoch;
  window.transaction_start = -1;
  window.last_used = marker.max_timestamp;
  partition.first_unstable = first_unstable(partition);
}

void note_producer(Partition& partition, const Appended& batch) {
  ProducerWindow& window = window_of(partition, batch.producer_id);
  note_batch(window, batch);
  if (batch.transactional && partition.first_unstable < 0) partition.first_unstable = batch.base_offset;
}

/// Offsets do not say how large batches are: what stays is taken as its share of the offsets.
std::uint64_t share(std::uint64_t size, Offset part, Offset whole) {
  return whole <= 0 ? 0
                    : static_cast<std::uint64_t>(static_cast<double>(size) * static_cast<double>(part) /
                                                 static_cast<double>(whole));
}

PartitionState state_of(PartitionId id, const Partition& partition) {
  return {id,
          partition.start,
          partition.end,
          partition.size_bytes,
          partition.max_timestamp,
          partition.producers,
          partition.aborted};
}

}  // namespace

void apply(State& state, const TopicCreated& record) {
  state.topics.put(record);
  state.catalog.change_routes();
  state.counters.next_topic = std::max(state.counters.next_topic, record.id.value + 1);
}

void apply(State& state, const TopicAltered& record) {
  state.topics.put(record.topic);
}

void apply(State& state, const TopicDeleted& record) {
  state.topics.erase(record.id);
  state.catalog.change_routes();
  state.groups.erase_topic(record.id);
}

void apply(State& state, const Appended& record) {
  Partition* partition = state.topics.change(record.partition);
  if (!partition) return;
  partition->end = record.base_offset + record.record_count;
  partition->size_bytes += record.size_bytes;
  partition->max_timestamp = std::max(partition->max_timestamp, record.max_timestamp);
  state.topics.count_append(record.record_count);
  if (record.control)
    end_transaction(state, *partition, record);
  else if (record.producer_id >= 0)
    note_producer(*partition, record);
}

void apply(State& state, const Trimmed& record) {
  Partition* partition = state.topics.change(record.partition);
  if (!partition || record.start <= partition->start) return;
  partition->size_bytes =
      share(partition->size_bytes, partition->end - record.start, partition->end - partition->start);
  partition->start = record.start;
  std::erase_if(partition->aborted,
                [&](const AbortedTransaction& aborted) { return aborted.last < record.start; });
}

void apply(State& state, const PartitionState& record) {
  Partition* partition = state.topics.restore(record.partition);
  if (!partition) return;
  partition->start = record.start;
  partition->end = record.end;
  partition->size_bytes = record.size_bytes;
  partition->max_timestamp = record.max_timestamp;
  partition->producers = record.producers;
  partition->aborted = record.aborted;
  partition->first_unstable = first_unstable(*partition);
}

void checkpoint_topics(State& state, CheckpointState& checkpoint) {
  for (const PartitionId id : state.topics.take_dirty())
    checkpoint.states.push_back(state_of(id, *state.topics.find(id)));
}

void durable_topics(const State& state, std::vector<Record>& out) {
  for (const auto& [id, topic] : state.topics.all()) {
    out.push_back(topic.facts);
    for (std::int32_t index = 0; index < topic.facts.partitions; ++index)
      out.push_back(state_of({id, index}, topic.partitions[static_cast<std::size_t>(index)]));
  }
}

}  // namespace tandem::core
