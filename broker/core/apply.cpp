// The only code that changes durable state. Records of topics, groups and producers: topic.cpp, group.cpp,
// producer.cpp.
#include <algorithm>

#include "broker/core/state.h"

namespace tandem::core {
namespace {

/// Raises the counter that the id was taken from.
template <class Key>
void count_id(Key id, std::uint32_t& durable_next, std::uint32_t& volatile_next) {
  std::uint32_t& next = id.value >= volatile_id_first ? volatile_next : durable_next;
  next = std::max(next, id.value + 1);
}

void apply(State& state, const ExchangeDeclared& record) {
  state.catalog.put(record);
  follow_policies(state.policies, *state.catalog.change_exchange(record.id));
  count_id(record.id, state.counters.next_exchange, state.volatile_ids.next_exchange);
}

void apply(State& state, const ExchangeDeleted& record) {
  state.catalog.erase(record.id);
}

void apply(State& state, const QueueDeclared& record) {
  state.queues.put(record);
  follow_policies(state.policies, *state.queues.change(record.id));
  state.catalog.name_queue(record.name, record.id);
  count_id(record.id, state.counters.next_queue, state.volatile_ids.next_queue);
}

void apply(State& state, const QueueDeleted& record) {
  const Queue* queue = state.queues.find(record.id);
  if (!queue) return;
  state.catalog.forget_queue(queue->declared.name);
  state.queues.erase(record.id);
}

void apply(State& state, const Bound& record) {
  state.catalog.put(record);
  count_id(record.id, state.counters.next_binding, state.volatile_ids.next_binding);
}

void apply(State& state, const Unbound& record) {
  state.catalog.erase(record.id);
}

void apply(State& state, const Enqueued& record) {
  Queue* queue = state.queues.change(record.queue);
  const QueueEntry& entry = record.entry;
  if (!queue || entry.seq < queue->facts.next_seq) return;
  QueueFacts& facts = queue->facts;
  facts.next_seq = entry.seq + 1;
  facts.dirty = true;
  if (entry.durable)
    facts.durable_end = facts.next_seq;
  else
    facts.gone.add(entry.seq, entry.seq);
  if (record.reserved) facts.delivered_through = std::max(facts.delivered_through, entry.seq);
  queue->life.enqueue(entry);
}

void apply(State& state, const Removed& record) {
  Queue* queue = state.queues.change(record.queue);
  if (!queue) return;
  QueueFacts& facts = queue->facts;
  facts.gone.add(record.seqs.first, record.seqs.last);
  facts.dirty = true;
  // The range may end with volatile messages that a restart does not know of. Their seqs must not be given
  // again: without this, a new message would be gone by this record on the restart after that.
  if (record.durable) facts.durable_end = std::max(facts.durable_end, record.seqs.last + 1);
  facts.next_seq = std::max(facts.next_seq, facts.durable_end);
  facts.deliveries.forget(record.seqs.first, record.seqs.last);
}

void apply(State& state, const Requeued& record) {
  Queue* queue = state.queues.change(record.queue);
  if (!queue) return;
  const QueueSeq end = record.first + record.count;
  if (record.durable) {
    queue->facts.deliveries.set(record.first, end - 1, record.deliveries);
    queue->facts.dirty = true;
  }
  for (Lane& lane : queue->life.lanes)
    lane.for_each_from(record.first, end, [&](QueueEntry& entry) { entry.deliveries = record.deliveries; });
}

void apply(State& state, const DeliveryReserved& record) {
  Queue* queue = state.queues.change(record.queue);
  if (!queue) return;
  QueueFacts& facts = queue->facts;
  facts.delivered_through = std::max(facts.delivered_through, record.through);
  facts.dirty = true;
  // As for Removed: it may reach to volatile messages that a restart does not know of. Without this, a new message
  // with such a seq would count as delivered.
  facts.durable_end = std::max(facts.durable_end, record.through + 1);
  facts.next_seq = std::max(facts.next_seq, facts.durable_end);
}

void apply(State& state, const QueueState& record) {
  Queue* queue = state.queues.change(record.queue);
  if (!queue) return;
  QueueFacts& facts = queue->facts;
  facts.next_seq = facts.durable_end = record.next_seq;
  facts.gone.set_head(record.head);
  for (const SeqRange& range : record.gone) facts.gone.add(range.first, range.last);
  facts.delivered_through = record.delivered_through;
  facts.unclean_through = record.unclean_through;
  facts.deliveries.assign(record.deliveries);
}

void apply(State& state, const RunHomed& record) {
  Queue* queue = state.queues.change(record.queue);
  if (!queue) return;
  queue->life.lane(record.priority)
      .runs()
      .push_back(make_run(record.run, record.seqs, record.size_bytes, record.count, record.count));
}

void apply(State& state, const RunDropped& record) {
  Queue* queue = state.queues.change(record.queue);
  if (!queue) return;
  for (Lane& lane : queue->life.lanes)
    lane.runs().keep_if([&record](const Run& run) { return run.id != record.run; });
}

void apply(State& state, const UserDeclared& record) {
  state.users.put(record);
}

void apply(State& state, const UserDeleted& record) {
  state.users.erase(record.name);
}

void apply(State& state, const Counters& record) {
  Counters& counters = state.counters;
  counters.next_exchange = std::max(counters.next_exchange, record.next_exchange);
  counters.next_queue = std::max(counters.next_queue, record.next_queue);
  counters.next_binding = std::max(counters.next_binding, record.next_binding);
  counters.next_topic = std::max(counters.next_topic, record.next_topic);
  counters.next_producer = std::max(counters.next_producer, record.next_producer);
  counters.turn = std::max(counters.turn, record.turn);
}

}  // namespace

void apply(State& state, const Record& record) {
  std::visit([&state](const auto& one) { apply(state, one); }, record);
}

}  // namespace tandem::core
