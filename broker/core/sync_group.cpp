// A member asks for its assignment; the leader brings those of all.
#include "broker/core/access.h"
#include "broker/core/group_rebalance.h"
#include "broker/core/group_verbs.h"

namespace tandem::core {
namespace {

void refuse(Turn& turn, const SyncGroup& input, ErrorCode error) {
  turn.say(Synced{.who = input.who, .error = error});
}

bool is_other(std::string_view asked, std::string_view current) {
  return !asked.empty() && asked != current;
}

ErrorCode judge(const LiveGroup& group, const SyncGroup& input) {
  if (input.generation != group.generation) return ErrorCode::illegal_generation;
  if (is_other(input.protocol_type, group.protocol_type) ||
      is_other(input.protocol_name, group.protocol_name))
    return ErrorCode::inconsistent_protocol;
  if (group.phase == GroupPhase::preparing) return ErrorCode::rebalance_in_progress;
  return ErrorCode::none;
}

void wait_for_assignment(Turn& turn, LiveGroup& group, Member& member, const SyncGroup& input) {
  answer_sync(turn, group, member, ErrorCode::rebalance_in_progress);  // the member asked again elsewhere
  member.syncing = input.who;
  member.synced = true;
  turn.session().membership.note_waiting(input.who.channel, group);
}

bool takes_too_much(Turn& turn, const SyncGroup& input) {
  std::size_t size = turn.session().membership.size_bytes();
  for (const GroupAssignment& each : input.assignments) size += each.assignment.size();
  return size > turn.options().membership_size_max_bytes;
}

/// Members that the leader did not mention have nothing to do.
void assign(LiveGroup& group, const SyncGroup& input) {
  for (const GroupAssignment& each : input.assignments)
    if (Member* member = group.find(each.member)) member->assignment = text_of(each.assignment);
}

void answer_all(Turn& turn, LiveGroup& group) {
  for (auto& [id, member] : group.members) answer_sync(turn, group, member, ErrorCode::none);
}

}  // namespace

void handle(Turn& turn, const SyncGroup& input) {
  if (const ErrorCode error = judge_group_access(turn, input.who, Permission::read, input.group);
      error != ErrorCode::none)
    return refuse(turn, input, error);
  LiveGroup* group = turn.session().membership.find(input.group);
  const FoundMember found = find_member(group, input.member, input.instance);
  if (found.error != ErrorCode::none) return refuse(turn, input, found.error);
  if (const ErrorCode error = judge(*group, input); error != ErrorCode::none)
    return refuse(turn, input, error);

  const bool assigns = group->phase == GroupPhase::completing && found.member->id == group->leader;
  if (assigns && !input.assignments.empty() && takes_too_much(turn, input))
    return refuse(turn, input, ErrorCode::limit_reached);
  wait_for_assignment(turn, *group, *found.member, input);
  if (assigns) {
    assign(*group, input);
    group->phase = GroupPhase::stable;
    keep_members(turn, *group);
  }
  if (group->phase == GroupPhase::stable) answer_all(turn, *group);
  if (group->everybody_synced()) group->rebalance_due = never;
  done_with_group(turn, *group);
}

}  // namespace tandem::core
