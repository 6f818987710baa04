// A record batch to a partition. All that can be wrong with it is judged before anything is recorded; a batch
// that an idempotent producer sends again is answered with its first offset.
#include <algorithm>

#include "broker/base/check.h"
#include "broker/core/access.h"
#include "broker/core/append.h"
#include "broker/core/producer_window.h"
#include "broker/core/topic_refusal.h"
#include "broker/core/topic_verbs.h"

namespace tandem::core {
namespace {

/// An append and what it is judged against: the partition as it will be when its turn comes.
struct Question {
  const Topic& topic;
  PartitionId partition;
  const BatchView& batch;
  Offset expected_end = -1;
  Offset end = 0;
  const ProducerWindow* window = nullptr;

  Refusal refusal(ErrorCode code, std::string detail) const {
    return partition_refusal(code, topic.facts.name, partition.index, std::move(detail));
  }
};

struct Judgement {
  std::optional<Refusal> refusal;
  bool duplicate = false;
  Offset base_offset = 0;
};

std::optional<Refusal> judge_batch(const Question& asked, TimestampMs now) {
  const BatchView& batch = asked.batch;
  const TopicOptions& options = asked.topic.options;
  if (batch.record_count < 1) return asked.refusal(ErrorCode::corrupt, "a batch has at least one record");
  if (batch.control)
    return asked.refusal(ErrorCode::invalid_argument, "control batches are written by the broker");
  if (batch.size_bytes > options.message_size_max_bytes)
    return asked.refusal(ErrorCode::too_large, "batch of " + std::to_string(batch.size_bytes) +
                                                   " bytes, max.message.bytes is " +
                                                   std::to_string(options.message_size_max_bytes));
  if (options.cleanup_by_compaction && batch.lacks_key)
    return asked.refusal(ErrorCode::invalid_argument,
                         "every record needs a key, since cleanup.policy has compact");
  if (!options.log_append_time && batch.first_timestamp >= 0 && batch.first_timestamp < now &&
      now - batch.first_timestamp > options.timestamp_behind_max_ms) {
    Refusal refusal = asked.refusal(ErrorCode::invalid_argument,
                                    "timestamp " + std::to_string(batch.first_timestamp) +
                                        " is further behind than message.timestamp.before.max.ms");
    refusal.argument = "message.timestamp.before.max.ms";
    return refusal;
  }
  if (!options.log_append_time && batch.max_timestamp > now &&
      batch.max_timestamp - now > options.timestamp_ahead_max_ms) {
    Refusal refusal = asked.refusal(ErrorCode::invalid_argument,
                                    "timestamp " + std::to_string(batch.max_timestamp) +
                                        " is further ahead than message.timestamp.after.max.ms");
    refusal.argument = "message.timestamp.after.max.ms";
    return refusal;
  }
  return std::nullopt;
}

/// A transactional batch needs its producer's current epoch and a transaction that has the partition in it.
std::optional<Refusal> judge_transaction(const State& state, const Question& asked) {
  const ProducerChanged* producer = state.producers.find(asked.batch.producer_id);
  if (!producer) {
    if (!asked.batch.transactional) return std::nullopt;
    return asked.refusal(ErrorCode::unknown_producer,
                         "transactional batch of a producer without transactional id");
  }
  if (asked.batch.producer_epoch < producer->epoch)
    return asked.refusal(ErrorCode::fenced, "producer epoch " + std::to_string(asked.batch.producer_epoch) +
                                                ", now it is " + std::to_string(producer->epoch));
  const auto& parts = producer->partitions;
  const bool in_transaction = producer->state == TransactionState::ongoing &&
                              std::binary_search(parts.begin(), parts.end(), asked.partition);
  if (asked.batch.transactional && !in_transaction)
    return asked.refusal(ErrorCode::invalid_transaction_state,
                         "the partition is not part of an open transaction");
  return std::nullopt;
}

Judgement judge_sequence(const Question& asked) {
  const SequenceJudgement sequence = judge_sequence(asked.window, asked.batch);
  const auto told = [&](ErrorCode code) {
    return asked.refusal(code, "sequence " + std::to_string(asked.batch.base_sequence) + ", expected " +
                                   std::to_string(sequence.expected));
  };
  switch (sequence.verdict) {
    case SequenceVerdict::next:
      break;
    case SequenceVerdict::duplicate:
      return {std::nullopt, true, sequence.base_offset};
    case SequenceVerdict::forgotten:
      return {told(ErrorCode::duplicate_sequence)};
    case SequenceVerdict::gap:
      return {told(ErrorCode::out_of_order_sequence)};
    case SequenceVerdict::fenced:
      return {told(ErrorCode::fenced)};
  }
  return {std::nullopt, false, asked.end};
}

Judgement judge_producer(const State& state, const Question& asked) {
  if (asked.batch.producer_id < 0) {
    if (asked.batch.transactional)
      return {asked.refusal(ErrorCode::invalid_argument, "transactional batch without a producer id")};
    return {std::nullopt, false, asked.end};
  }
  if (asked.batch.base_sequence < 0 || asked.batch.producer_epoch < 0)
    return {asked.refusal(ErrorCode::invalid_argument, "batch of a producer without sequence or epoch")};
  if (auto refusal = judge_transaction(state, asked)) return {std::move(refusal)};
  return judge_sequence(asked);
}

Judgement judge(const State& state, const Question& asked, TimestampMs now) {
  if (auto refusal = judge_batch(asked, now)) return {std::move(refusal)};
  Judgement judgement = judge_producer(state, asked);
  if (judgement.refusal || judgement.duplicate) return judgement;
  if (asked.expected_end >= 0 && asked.expected_end != asked.end) {
    judgement.refusal = asked.refusal(ErrorCode::version_conflict, "it ends at " + std::to_string(asked.end));
    judgement.refusal->argument = "expected_end";
    judgement.refusal->received = std::to_string(asked.expected_end);
    judgement.refusal->current = std::to_string(asked.end);
  }
  return judgement;
}

Appended appended_of(const Topic& topic, PartitionId id, const BatchView& batch, Offset base,
                     TimestampMs now) {
  Appended record;
  record.partition = id;
  record.base_offset = base;
  record.record_count = batch.record_count;
  record.body = batch.body;
  record.size_bytes = batch.size_bytes;
  record.log_append_time = topic.options.log_append_time;
  record.max_timestamp = record.log_append_time ? now : batch.max_timestamp;
  record.producer_id = batch.producer_id;
  record.producer_epoch = batch.producer_epoch;
  record.base_sequence = batch.base_sequence;
  record.transactional = batch.transactional;
  record.control = batch.control;
  return record;
}

struct Place {
  const Topic* topic = nullptr;
  const Partition* partition = nullptr;
  PartitionId id;
};

Place place_of(const State& state, std::string_view name, PartitionIndex index) {
  const Topic* topic = state.topics.find(name);
  if (!topic || index < 0 || index >= topic->facts.partitions) return {topic};
  return {topic, &topic->partitions[static_cast<std::size_t>(index)], {topic->facts.id, index}};
}

Refusal missing(const Place& place, const AppendOp& op) {
  return place.topic ? no_such_partition(op.topic, op.partition) : no_such_topic(op.topic);
}

Question question(const Place& place, const AppendOp& op) {
  return {*place.topic,
          place.id,
          op.batch,
          op.expected_end,
          place.partition->end,
          place.partition->find_producer(op.batch.producer_id)};
}

/// Does what was judged good. A duplicate's original may not be on disk yet, and its answer says that it is.
void store(Turn& turn, const Place& place, const AppendOp& op, const Judgement& judgement) {
  if (judgement.duplicate)
    turn.wait_for_earlier_turns();
  else
    record_append(turn, appended_of(*place.topic, place.id, op.batch, judgement.base_offset, turn.now()));
}

/// The part of the tally for a partition; begins as the partition is.
AppendTally::Part& part_of(AppendTally& tally, PartitionId id, Offset end) {
  for (AppendTally::Part& part : tally.parts)
    if (part.partition == id) return part;
  return tally.parts.emplace_back(AppendTally::Part{id, end, {}});
}

const ProducerWindow* window_in(const AppendTally::Part& part, const Partition& partition,
                                std::int64_t producer) {
  for (const ProducerWindow& window : part.producers)
    if (window.producer_id == producer) return &window;
  return partition.find_producer(producer);
}

void note(AppendTally::Part& part, const ProducerWindow* known, const Appended& batch) {
  part.end += batch.record_count;
  if (batch.producer_id < 0) return;
  ProducerWindow window = known ? *known : ProducerWindow{.producer_id = batch.producer_id};
  note_batch(window, batch);
  std::erase_if(part.producers,
                [&](const ProducerWindow& old) { return old.producer_id == batch.producer_id; });
  part.producers.push_back(std::move(window));
}

}  // namespace

void record_append(Turn& turn, Appended record) {
  turn.session().parked_fetches.appended(record.partition, record.base_offset,
                                         record.base_offset + record.record_count, record.size_bytes);
  turn.record(std::move(record));
}

std::optional<Refusal> check_append(const Turn& turn, const AppendOp& op, AppendTally& earlier) {
  const Place place = place_of(turn.state(), op.topic, op.partition);
  if (!place.partition) return missing(place, op);
  AppendTally::Part& part = part_of(earlier, place.id, place.partition->end);
  Question asked = question(place, op);
  asked.end = part.end;
  asked.window = window_in(part, *place.partition, op.batch.producer_id);
  Judgement judgement = judge(turn.state(), asked, turn.now());
  if (!judgement.refusal && !judgement.duplicate)
    note(part, asked.window, appended_of(*place.topic, place.id, op.batch, part.end, turn.now()));
  return std::move(judgement.refusal);
}

Offset do_append(Turn& turn, const AppendOp& op) {
  const Place place = place_of(turn.state(), op.topic, op.partition);
  CHECK(place.partition);
  const Judgement judgement = judge(turn.state(), question(place, op), turn.now());
  CHECK(!judgement.refusal);
  store(turn, place, op, judgement);
  return judgement.base_offset;
}

void handle(Turn& turn, const Append& input) {
  const AppendOp op{input.topic, input.partition, input.batch, input.expected_end};
  const auto refuse = [&](Refusal refusal) {
    if (input.wants_reply) turn.refuse(input.who, std::move(refusal));
  };
  if (auto refusal = judge_access(turn, input.who, Permission::write, ObjectKind::topic, op.topic))
    return refuse(std::move(*refusal));
  const Place place = place_of(turn.state(), op.topic, op.partition);
  if (!place.partition) return refuse(missing(place, op));
  if (turn.session().disk_alarm)
    return refuse(
        partition_refusal(ErrorCode::resource_alarm, op.topic, op.partition, "disk space is short"));

  Judgement judgement = judge(turn.state(), question(place, op), turn.now());
  if (judgement.refusal) return refuse(std::move(*judgement.refusal));
  store(turn, place, op, judgement);
  if (!input.wants_reply) return;
  const bool stamped = place.topic->options.log_append_time && !judgement.duplicate;
  turn.answer(input.who, AppendedOk{.who = input.who,
                                    .base_offset = judgement.base_offset,
                                    .append_time = stamped ? turn.now() : -1,
                                    .start = place.partition->start,
                                    .duplicate = judgement.duplicate});
}

}  // namespace tandem::core
