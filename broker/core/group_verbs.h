// What can be done with groups, one file per verb, and what the rest of the core needs of them.
#pragma once

#include <optional>
#include <string_view>

#include "broker/core/turn.h"

namespace tandem::core {

void handle(Turn& turn, const CommitOffsets& input);
void handle(Turn& turn, const FetchOffsets& input);
void handle(Turn& turn, const DeleteOffsets& input);
void handle(Turn& turn, const JoinGroup& input);
void handle(Turn& turn, const SyncGroup& input);
void handle(Turn& turn, const HeartbeatGroup& input);
void handle(Turn& turn, const LeaveGroup& input);
void handle(Turn& turn, const DeleteGroup& input);

/// As part of a transaction: nobody's membership is checked.
std::optional<Refusal> check_commit_offset(const Turn& turn, const CommitOffsetOp& op);
void do_commit_offset(Turn& turn, const CommitOffsetOp& op);

/// Members and rebalances that ran out of time; offsets of groups that were idle for too long; transactions
/// of producers that ran out of time.
void tick_groups(Turn& turn);
TimestampMs next_due_groups(const State& state, const Session& session);
/// `name` "" = all, by name.
void describe_groups(const State& state, const Session& session, std::string_view name, Described& out);

}  // namespace tandem::core
