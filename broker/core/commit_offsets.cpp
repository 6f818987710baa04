// A group's offsets: how far its members are done with each partition. Inside a producer's transaction they
// are pending until it commits.
#include <algorithm>

#include "broker/base/limits.h"
#include "broker/core/access.h"
#include "broker/core/group_name.h"
#include "broker/core/group_rebalance.h"
#include "broker/core/group_verbs.h"
#include "broker/core/producer_verbs.h"
#include "broker/core/topic_refusal.h"

namespace tandem::core {
namespace {

/// As Kafka's offset.metadata.max.bytes: it is for a note, not for data.
constexpr std::size_t metadata_size_max_bytes = 4096;

ErrorCode judge_member(LiveGroup& group, const CommitOffsets& input) {
  const FoundMember found = find_member(&group, input.member, input.instance);
  if (found.error != ErrorCode::none) return found.error;
  if (input.generation != group.generation) return ErrorCode::illegal_generation;
  if (group.phase == GroupPhase::completing) return ErrorCode::rebalance_in_progress;
  return ErrorCode::none;
}

/// A client that keeps no membership may commit while the group has no members, or in a producer's
/// transaction.
ErrorCode judge_caller(Turn& turn, const CommitOffsets& input) {
  LiveGroup* group = turn.session().membership.find(input.group);
  const bool has_members = group && !group->members.empty();
  if (input.generation < 0 && input.member.empty())
    return has_members && input.producer_id < 0 ? ErrorCode::unknown_member : ErrorCode::none;
  if (!has_members) return ErrorCode::unknown_member;
  const ErrorCode error = judge_member(*group, input);
  if (error == ErrorCode::none) group->find(input.member)->touch(turn.now());
  return error;
}

ErrorCode judge_group(const Turn& turn, std::string_view group) {
  if (!is_group_name(group)) return ErrorCode::invalid_argument;
  const Groups& groups = turn.state().groups;
  const bool too_many = !groups.find(group) && groups.all().size() >= limits::groups_max;
  return too_many ? ErrorCode::limit_reached : ErrorCode::none;
}

ErrorCode judge_request(Turn& turn, const CommitOffsets& input) {
  if (const ErrorCode error = judge_group(turn, input.group); error != ErrorCode::none) return error;
  if (const ErrorCode error = judge_caller(turn, input); error != ErrorCode::none) return error;
  return input.producer_id < 0 ? ErrorCode::none : judge_transactional_commit(turn.state(), input);
}

std::optional<PartitionId> find_partition(const State& state, std::string_view name, PartitionIndex index) {
  const Topic* topic = state.topics.find(name);
  if (!topic || index < 0 || index >= topic->facts.partitions) return std::nullopt;
  return PartitionId{topic->facts.id, index};
}

/// Any offset is taken, as by Kafka: a negative one is a note of its client's (kafkajs has -2 for the start, -1 for the end), and
/// whoever reads it takes it as none.
ErrorCode judge_entry(const State& state, const OffsetCommitEntry& entry) {
  if (!find_partition(state, entry.topic, entry.partition)) return ErrorCode::not_found;
  return entry.metadata.size() > metadata_size_max_bytes ? ErrorCode::too_large : ErrorCode::none;
}

/// It would add to what is as much as there may be already.
bool is_one_too_many(const Turn& turn, std::string_view name, const OffsetCommitEntry& entry) {
  const Groups& groups = turn.state().groups;
  if (groups.offsets_size_bytes() < turn.options().offsets_size_max_bytes) return false;
  const Group* group = groups.find(name);
  if (!group) return true;
  const auto earlier = group->offsets.find(*find_partition(turn.state(), entry.topic, entry.partition));
  return earlier == group->offsets.end() || earlier->second.metadata.size() < entry.metadata.size();
}

ErrorCode judge_entry(const Turn& turn, std::string_view group, const OffsetCommitEntry& entry) {
  const ErrorCode error = judge_entry(turn.state(), entry);
  return error == ErrorCode::none && is_one_too_many(turn, group, entry) ? ErrorCode::limit_reached : error;
}

OffsetCommitted committed_of(const State& state, std::string_view group, const OffsetCommitEntry& entry,
                             TimestampMs now) {
  return {std::string(group),
          *find_partition(state, entry.topic, entry.partition),
          entry.offset,
          entry.leader_epoch,
          std::string(entry.metadata),
          now};
}

std::vector<ErrorCode> commit(Turn& turn, const CommitOffsets& input) {
  std::vector<ErrorCode> errors;
  std::vector<OffsetCommitted> good;
  for (const OffsetCommitEntry& entry : input.entries) {
    errors.push_back(judge_entry(turn, input.group, entry));
    if (errors.back() == ErrorCode::none)
      good.push_back(committed_of(turn.state(), input.group, entry, turn.now()));
  }
  if (input.producer_id >= 0)
    commit_in_transaction(turn, input.producer_id, std::move(good));
  else
    for (OffsetCommitted& committed : good) turn.record(std::move(committed));
  return errors;
}

OffsetCommitEntry entry_of(const CommitOffsetOp& op) {
  return {.topic = op.topic, .partition = op.partition, .offset = op.offset, .metadata = op.metadata};
}

Refusal group_refusal(ErrorCode code, std::string_view group) {
  return {.code = code, .object = ObjectKind::group, .name = std::string(group)};
}

}  // namespace

void handle(Turn& turn, const CommitOffsets& input) {
  ErrorCode error = judge_group_access(turn, input.who, Permission::read, input.group);
  if (error == ErrorCode::none) error = judge_request(turn, input);
  std::vector<ErrorCode> errors =
      error == ErrorCode::none ? commit(turn, input) : std::vector<ErrorCode>(input.entries.size(), error);
  turn.answer(input.who, OffsetsCommittedOk{input.who, std::move(errors)});
}

std::optional<Refusal> check_commit_offset(const Turn& turn, const CommitOffsetOp& op) {
  if (const ErrorCode error = judge_group(turn, op.group); error != ErrorCode::none)
    return group_refusal(error, op.group);
  if (op.offset < 0)
    return partition_refusal(ErrorCode::invalid_argument, op.topic, op.partition, "offset is negative");
  switch (const ErrorCode error = judge_entry(turn, op.group, entry_of(op))) {
    case ErrorCode::none:
      return std::nullopt;
    case ErrorCode::limit_reached:
      return group_refusal(error, op.group);
    case ErrorCode::too_large:
      return partition_refusal(error, op.topic, op.partition,
                               "metadata has at most " + std::to_string(metadata_size_max_bytes) + " bytes");
    default:
      return no_such_partition(op.topic, op.partition);
  }
}

void do_commit_offset(Turn& turn, const CommitOffsetOp& op) {
  turn.record(committed_of(turn.state(), op.group, entry_of(op), turn.now()));
}

}  // namespace tandem::core
