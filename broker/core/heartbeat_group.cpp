#include "broker/core/access.h"
#include "broker/core/group_rebalance.h"
#include "broker/core/group_verbs.h"

namespace tandem::core {

void handle(Turn& turn, const HeartbeatGroup& input) {
  LiveGroup* group = turn.session().membership.find(input.group);
  const FoundMember found = find_member(group, input.member, input.instance);
  ErrorCode error = judge_group_access(turn, input.who, Permission::read, input.group);
  if (error == ErrorCode::none) error = found.error;
  if (error == ErrorCode::none && input.generation != group->generation)
    error = ErrorCode::illegal_generation;
  if (error == ErrorCode::none) {
    found.member->touch(turn.now());  // later than before: the group's next due time stays a lower bound
    if (group->phase == GroupPhase::preparing) error = ErrorCode::rebalance_in_progress;
  }
  turn.answer(input.who, GroupHeartbeatOk{input.who, error});
}

}  // namespace tandem::core
