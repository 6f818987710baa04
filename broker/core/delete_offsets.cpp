#include "broker/core/group_verbs.h"

namespace tandem::core {
namespace {

bool has_members(Turn& turn, std::string_view name) {
  const LiveGroup* group = turn.session().membership.find(name);
  return group && !group->members.empty();
}

ErrorCode delete_one(Turn& turn, std::string_view group_name, const FetchOffsetEntry& entry) {
  const Topic* topic = turn.state().topics.find(entry.topic);
  if (!topic) return ErrorCode::not_found;
  const PartitionId id{topic->facts.id, entry.partition};
  const Group* group = turn.state().groups.find(group_name);
  if (group && group->offsets.contains(id)) turn.record(OffsetDeleted{std::string(group_name), id});
  return ErrorCode::none;
}

}  // namespace

/// Refused while the group has members: what they subscribe to is theirs to know, so every partition may be
/// in use.
void handle(Turn& turn, const DeleteOffsets& input) {
  OffsetsDeletedOk answer{.who = input.who};
  const bool exists = turn.state().groups.find(input.group) != nullptr;
  const bool in_use = has_members(turn, input.group);
  for (const FetchOffsetEntry& entry : input.entries) {
    if (in_use)
      answer.errors.push_back(ErrorCode::in_use);
    else
      answer.errors.push_back(exists ? delete_one(turn, input.group, entry) : ErrorCode::not_found);
  }
  turn.answer(input.who, std::move(answer));
}

}  // namespace tandem::core
