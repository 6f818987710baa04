#include <algorithm>

#include "broker/core/access.h"
#include "broker/core/group_verbs.h"
#include "schemas/subscription.h"

namespace tandem::core {
namespace {

/// Whether the member reads the topic, for all that is known: a member whose metadata are no subscription may read
/// anything.
bool may_read(const Member& member, std::string_view topic) {
  return std::any_of(member.protocols.begin(), member.protocols.end(), [topic](const Member::Protocol& protocol) {
    const auto topics = subscribed_topics(bytes_of(protocol.metadata));
    return !topics || std::find(topics->begin(), topics->end(), topic) != topics->end();
  });
}

bool is_in_use(const LiveGroup* group, std::string_view topic) {
  if (!group) return false;
  return std::any_of(group->members.begin(), group->members.end(), [&](const auto& entry) {
    return group->protocol_type != consumer_protocol_type || may_read(entry.second, topic);
  });
}

ErrorCode delete_one(Turn& turn, std::string_view group_name, const FetchOffsetEntry& entry) {
  const Topic* topic = turn.state().topics.find(entry.topic);
  if (!topic) return ErrorCode::not_found;
  if (is_in_use(turn.session().membership.find(group_name), entry.topic)) return ErrorCode::in_use;
  const PartitionId id{topic->facts.id, entry.partition};
  const Group* group = turn.state().groups.find(group_name);
  if (group && group->offsets.contains(id)) turn.record(OffsetDeleted{std::string(group_name), id});
  return ErrorCode::none;
}

}  // namespace

/// Refused for topics that a member of the group subscribes to: it would go on from an offset that is gone.
void handle(Turn& turn, const DeleteOffsets& input) {
  OffsetsDeletedOk answer{.who = input.who};
  const ErrorCode access = judge_group_access(turn, input.who, Permission::configure, input.group);
  if (access != ErrorCode::none) {
    answer.errors.assign(input.entries.size(), access);
    return turn.answer(input.who, std::move(answer));
  }
  const bool exists = turn.state().groups.find(input.group) || turn.session().membership.find(input.group);
  for (const FetchOffsetEntry& entry : input.entries)
    answer.errors.push_back(exists ? delete_one(turn, input.group, entry) : ErrorCode::not_found);
  turn.answer(input.who, std::move(answer));
}

}  // namespace tandem::core
