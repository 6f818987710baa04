// What can be done with producers and their transactions (Kafka's protocol; the broker's own transactions are
// the input Transaction), one file per verb.
#pragma once

#include <vector>

#include "broker/core/turn.h"

namespace tandem::core {

void handle(Turn& turn, const InitProducer& input);
void handle(Turn& turn, const AddPartitionsToTransaction& input);
void handle(Turn& turn, const AddOffsetsToTransaction& input);
void handle(Turn& turn, const EndTransaction& input);
void handle(Turn& turn, const MarkersReady& input);

/// Whether these offsets may be committed in the producer's transaction; group and entries are judged
/// elsewhere.
ErrorCode judge_transactional_commit(const State& state, const CommitOffsets& input);
/// They become the group's when the transaction commits.
void commit_in_transaction(Turn& turn, std::int64_t producer_id, std::vector<OffsetCommitted> offsets);

/// The transaction's outcome is decided: `change` is its producer with everything but the state as it will
/// be. Markers are asked for when that is on disk; `who` hears when they are too.
void end_transaction(Turn& turn, ProducerChanged change, bool commit, std::optional<Caller> who);

/// The producers that the partitions of a topic remember ("" = of every topic), and transactional ids ("" =
/// all), by name.
void describe_producers(const State& state, std::string_view topic, Described& out);
void describe_transactions(const State& state, std::string_view transactional_id, Described& out);

/// Aborts transactions that ran out of time, asks again for markers that a restart lost, forgets
/// transactional ids that were idle for too long.
void tick_producers(Turn& turn);
TimestampMs next_due_producers(const State& state, const Session& session);

}  // namespace tandem::core
