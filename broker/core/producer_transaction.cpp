// What a producer puts into its transaction: partitions, groups, and offsets of these groups.
#include <algorithm>
#include <iterator>
#include <ranges>
#include <set>

#include "broker/core/producer_transaction.h"
#include "broker/core/producer_verbs.h"
#include "broker/core/topic_refusal.h"

namespace tandem::core {
namespace {

template <class Item>
void insert_sorted(std::vector<Item>& items, const Item& item) {
  const auto place = std::lower_bound(items.begin(), items.end(), item);
  if (place == items.end() || *place != item) items.insert(place, item);
}

ErrorCode judge_open(const ProducerChanged* producer, std::int64_t id, std::int16_t epoch) {
  if (!producer || producer->producer_id != id) return ErrorCode::unknown_producer;
  if (producer->epoch != epoch) return ErrorCode::fenced;
  const bool ending = producer->state == TransactionState::prepare_commit ||
                      producer->state == TransactionState::prepare_abort;
  return ending ? ErrorCode::concurrent_transactions : ErrorCode::none;
}

/// The producer with its transaction going on; the first thing put into it begins it.
ProducerChanged with_transaction(const ProducerChanged& producer, TimestampMs now) {
  ProducerChanged change = producer;
  if (change.state != TransactionState::ongoing) {
    change.state = TransactionState::ongoing;
    change.started_at = now;
  }
  return change;
}

/// Recorded only when it says something new.
void change(Turn& turn, const Caller& who, const ProducerChanged& old, ProducerChanged changed) {
  if (changed != old) turn.record(std::move(changed));
  turn.answer(who, Ok{who});
}

}  // namespace

Refusal producer_refusal(ErrorCode code, std::string_view transactional_id) {
  return {.code = code, .object = ObjectKind::transaction, .name = std::string(transactional_id)};
}

void handle(Turn& turn, const AddPartitionsToTransaction& input) {
  const ProducerChanged* producer = turn.state().producers.find(input.transactional_id);
  if (const ErrorCode error = judge_open(producer, input.producer_id, input.epoch); error != ErrorCode::none)
    return turn.refuse(input.who, producer_refusal(error, input.transactional_id));
  const Topic* topic = turn.state().topics.find(input.topic);
  if (!topic) return turn.refuse(input.who, no_such_topic(input.topic));
  const PartitionId id{topic->facts.id, input.partition};
  const Partition* partition = turn.state().topics.find(id);
  if (!partition) return turn.refuse(input.who, no_such_partition(input.topic, input.partition));
  if (partition->aborted.size() >= turn.options().aborted_per_partition_max)
    return turn.refuse(input.who,
                       partition_refusal(ErrorCode::limit_reached, input.topic, input.partition,
                                         "it has " + std::to_string(partition->aborted.size()) +
                                             " aborted transactions, aborted_per_partition_max is as many: trim it, "
                                             "compact it or shorten its retention"));

  ProducerChanged changed = with_transaction(*producer, turn.now());
  insert_sorted(changed.partitions, id);
  change(turn, input.who, *producer, std::move(changed));
}

void handle(Turn& turn, const AddOffsetsToTransaction& input) {
  const ProducerChanged* producer = turn.state().producers.find(input.transactional_id);
  if (const ErrorCode error = judge_open(producer, input.producer_id, input.epoch); error != ErrorCode::none)
    return turn.refuse(input.who, producer_refusal(error, input.transactional_id));

  ProducerChanged changed = with_transaction(*producer, turn.now());
  insert_sorted(changed.groups, std::string(input.group));
  change(turn, input.who, *producer, std::move(changed));
}

ErrorCode judge_transactional_commit(const State& state, const CommitOffsets& input) {
  const ProducerChanged* producer = state.producers.find(input.producer_id);
  const ErrorCode error = judge_open(producer, input.producer_id, input.producer_epoch);
  if (error != ErrorCode::none) return error;
  const bool in_transaction =
      producer->state == TransactionState::ongoing &&
      std::binary_search(producer->groups.begin(), producer->groups.end(), input.group);
  return in_transaction ? ErrorCode::none : ErrorCode::invalid_transaction_state;
}

void commit_in_transaction(Turn& turn, std::int64_t producer_id, std::vector<OffsetCommitted> offsets) {
  if (offsets.empty()) return;
  ProducerChanged changed = *turn.state().producers.find(producer_id);
  std::vector<OffsetCommitted>& pending = changed.pending_offsets;
  pending.insert(pending.end(), std::make_move_iterator(offsets.begin()), std::make_move_iterator(offsets.end()));
  // Of each partition the last one counts. Views, since there may be 200,000 of them.
  std::set<std::pair<std::string_view, PartitionId>> later;
  std::vector<OffsetCommitted> kept;
  for (const OffsetCommitted& offset : pending | std::views::reverse)
    if (later.emplace(offset.group, offset.partition).second) kept.push_back(offset);
  std::ranges::reverse(kept);
  pending = std::move(kept);
  turn.record(std::move(changed));
}

}  // namespace tandem::core
