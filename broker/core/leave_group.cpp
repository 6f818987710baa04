#include "broker/core/access.h"
#include "broker/core/group_rebalance.h"
#include "broker/core/group_verbs.h"

namespace tandem::core {
namespace {

/// A static member may be named by its instance alone.
std::string_view member_id(const LiveGroup& group, const GroupLeaver& leaver) {
  if (!leaver.member.empty()) return leaver.member;
  const auto it = group.static_members.find(leaver.instance);
  return it == group.static_members.end() ? std::string_view() : std::string_view(it->second);
}

ErrorCode leave(Turn& turn, LiveGroup& group, const GroupLeaver& leaver) {
  const std::string member(member_id(group, leaver));
  if (group.promised_members.erase(member) > 0) return ErrorCode::none;
  const FoundMember found = find_member(&group, member, leaver.instance);
  if (found.error == ErrorCode::none) remove_member(turn, group, member);
  return found.error;
}

}  // namespace

void handle(Turn& turn, const LeaveGroup& input) {
  GroupLeft left{.who = input.who};
  left.error = judge_group_access(turn, input.who, Permission::read, input.group);
  if (left.error != ErrorCode::none) {
    left.errors.assign(input.leavers.size(), left.error);
    return turn.answer(input.who, std::move(left));
  }
  LiveGroup* group = turn.session().membership.find(input.group);
  const std::size_t members = group ? group->members.size() : 0;
  for (const GroupLeaver& leaver : input.leavers)
    left.errors.push_back(group ? leave(turn, *group, leaver) : ErrorCode::unknown_member);
  if (left.errors.size() == 1) left.error = left.errors.front();
  if (group) {
    if (group->members.size() != members) members_changed(turn, *group);
    try_complete_join(turn, *group);  // a promised id that is given back may be the last one waited for
    done_with_group(turn, *group);
  }
  turn.answer(input.who, std::move(left));
}

}  // namespace tandem::core
