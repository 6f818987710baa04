#include "broker/core/group_rebalance.h"
#include "broker/core/group_verbs.h"

namespace tandem::core {

void handle(Turn& turn, const DeleteGroup& input) {
  LiveGroup* live = turn.session().membership.find(input.group);
  Refusal refusal{.object = ObjectKind::group, .name = std::string(input.group)};
  if (live && !(live->members.empty() && live->promised_members.empty())) {
    refusal.code = ErrorCode::not_empty;
    refusal.detail = "the group has members";
    return turn.refuse(input.who, std::move(refusal));
  }
  if (!turn.state().groups.find(input.group)) {
    refusal.code = ErrorCode::not_found;
    return turn.refuse(input.who, std::move(refusal));
  }
  turn.record(GroupDeleted{std::string(input.group)});
  if (live) done_with_group(turn, *live);
  turn.answer(input.who, Ok{input.who});
}

}  // namespace tandem::core
