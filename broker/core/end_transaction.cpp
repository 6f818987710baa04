// The end of a producer's transaction, in two turns: first the decision goes to disk, then the markers, the
// offsets and the end itself go in one turn. Between them a restart finds the decision and asks for the
// markers again.
#include "broker/base/check.h"
#include "broker/core/append.h"
#include "broker/core/producer_transaction.h"
#include "broker/core/producer_verbs.h"

namespace tandem::core {
namespace {

TransactionState prepared(bool commit) {
  return commit ? TransactionState::prepare_commit : TransactionState::prepare_abort;
}
TransactionState completed(bool commit) {
  return commit ? TransactionState::complete_commit : TransactionState::complete_abort;
}

void ask_for_markers(Turn& turn, const ProducerChanged& producer, std::optional<Caller> who) {
  turn.session().ending_transactions.asked[producer.producer_id] = std::move(who);
  turn.say(WriteMarkers{.producer_id = producer.producer_id,
                        .epoch = producer.epoch,
                        .commit = producer.state == TransactionState::prepare_commit,
                        .partitions = producer.partitions,
                        .now = turn.now()});
}

void append_marker(Turn& turn, PartitionId id, const BatchView& batch, const ProducerChanged& producer) {
  const Partition* partition = turn.state().topics.find(id);
  if (!partition) return;  // its topic was deleted meanwhile
  Appended marker;
  marker.partition = id;
  marker.base_offset = partition->end;
  marker.record_count = batch.record_count;
  marker.body = batch.body;
  marker.size_bytes = batch.size_bytes;
  marker.max_timestamp = batch.max_timestamp;
  marker.producer_id = producer.producer_id;
  marker.producer_epoch = producer.epoch;
  marker.transactional = true;
  marker.control = true;
  record_append(turn, std::move(marker));
}

void commit_pending_offsets(Turn& turn, const ProducerChanged& producer) {
  for (OffsetCommitted offset : producer.pending_offsets) {
    if (!turn.state().topics.find(offset.partition)) continue;
    offset.committed_at = turn.now();
    turn.record(std::move(offset));
  }
}

void tell_waiting(Turn& turn, std::int64_t producer_id) {
  auto node = turn.session().ending_transactions.asked.extract(producer_id);
  if (!node.empty() && node.mapped()) turn.say(Ok{*node.mapped()});
}

/// The second turn. `producer` is a copy: records change the state it comes from.
void complete(Turn& turn, ProducerChanged producer, std::span<const BatchView> markers) {
  CHECK(markers.size() == producer.partitions.size());
  const bool commit = producer.state == TransactionState::prepare_commit;
  for (std::size_t i = 0; i < markers.size(); ++i)
    append_marker(turn, producer.partitions[i], markers[i], producer);
  if (commit) commit_pending_offsets(turn, producer);
  producer.state = completed(commit);
  producer.started_at = turn.now();
  producer.partitions.clear();
  producer.groups.clear();
  producer.pending_offsets.clear();
  const std::int64_t id = producer.producer_id;
  turn.record(std::move(producer));
  tell_waiting(turn, id);
}

ErrorCode judge(const ProducerChanged* producer, const EndTransaction& input) {
  if (!producer || producer->producer_id != input.producer_id) return ErrorCode::unknown_producer;
  if (producer->epoch != input.epoch) return ErrorCode::fenced;
  if (producer->state == TransactionState::ongoing || producer->state == completed(input.commit))
    return ErrorCode::none;
  if (producer->state == prepared(input.commit)) return ErrorCode::concurrent_transactions;
  return ErrorCode::invalid_transaction_state;
}

}  // namespace

void end_transaction(Turn& turn, ProducerChanged change, bool commit, std::optional<Caller> who) {
  change.state = prepared(commit);
  turn.record(change);
  if (!change.partitions.empty()) return ask_for_markers(turn, change, std::move(who));
  turn.session().ending_transactions.asked[change.producer_id] = std::move(who);
  complete(turn, std::move(change), {});
}

void handle(Turn& turn, const EndTransaction& input) {
  const ProducerChanged* producer = turn.state().producers.find(input.transactional_id);
  if (const ErrorCode error = judge(producer, input); error != ErrorCode::none)
    return turn.refuse(input.who, producer_refusal(error, input.transactional_id));
  if (producer->state == TransactionState::ongoing)
    return end_transaction(turn, *producer, input.commit, input.who);
  turn.wait_for_earlier_turns();  // it ended already
  turn.answer(input.who, Ok{input.who});
}

void handle(Turn& turn, const MarkersReady& input) {
  const ProducerChanged* producer = turn.state().producers.find(input.producer_id);
  const bool expected =
      producer && producer->epoch == input.epoch && producer->state == prepared(input.commit);
  if (expected) complete(turn, *producer, input.batches);
}

void ask_for_lost_markers(Turn& turn) {
  const auto& asked = turn.session().ending_transactions.asked;
  for (const std::int64_t id : turn.state().producers.ending())
    if (!asked.contains(id)) ask_for_markers(turn, *turn.state().producers.find(id), std::nullopt);
}

}  // namespace tandem::core
