// What groups have to do when time passes, and what they look like.
#include <algorithm>
#include <set>

#include "broker/core/group_rebalance.h"
#include "broker/core/group_verbs.h"
#include "broker/core/producer_verbs.h"

namespace tandem::core {
namespace {

/// Offsets of a group without members are kept this long after it was left, or, when it never had members,
/// after each was committed (Kafka's offsets.retention.minutes). A group without any is kept for one interval.
constexpr DurationMs offset_retention_ms = 7 * 24 * 60 * 60 * 1000ll;
constexpr DurationMs retention_interval_ms = 10 * 60 * 1000;

void expire_groups(Turn& turn) {
  Membership& membership = turn.session().membership;
  while (const auto number = membership.first_due(turn.now())) {
    LiveGroup& group = *membership.find(*number);
    expire_members(turn, group);
    done_with_group(turn, group);
  }
}

std::vector<PartitionId> expired_offsets(const Group& group, TimestampMs idle_since, TimestampMs now) {
  std::vector<PartitionId> expired;
  for (const auto& [partition, committed] : group.offsets)
    if (std::max(committed.committed_at, idle_since) + offset_retention_ms <= now)
      expired.push_back(partition);
  return expired;
}

/// Since when nobody is a member. After a restart that is not known: counted from the first look.
TimestampMs idle_since(Turn& turn, const std::string& name, const Group& group) {
  if (group.generation == 0) return 0;
  return turn.session().membership.find_or_add(name, group.generation, turn.now()).empty_since;
}

void expire_offsets(Turn& turn, const std::string& name) {
  const Group& group = *turn.state().groups.find(name);
  const TimestampMs since = idle_since(turn, name, group);
  const std::vector<PartitionId> expired = expired_offsets(group, since, turn.now());
  const bool all = expired.size() == group.offsets.size();
  // Without offsets nothing is kept that anybody could want for long, as in Kafka; members may be on their way back.
  const DurationMs kept_for = group.offsets.empty() ? retention_interval_ms : offset_retention_ms;
  if (all && since + kept_for <= turn.now()) {
    turn.record(GroupDeleted{name});
    turn.session().membership.erase(name);
    return;
  }
  for (const PartitionId partition : expired) turn.record(OffsetDeleted{name, partition});
}

std::vector<std::string> groups_without_members(Turn& turn) {
  std::vector<std::string> idle;
  for (const auto& [name, group] : turn.state().groups.all()) {
    const LiveGroup* live = turn.session().membership.find(name);
    if (!live || (live->members.empty() && live->promised_members.empty())) idle.push_back(name);
  }
  return idle;
}

void expire_idle_offsets(Turn& turn) {
  Membership& membership = turn.session().membership;
  if (turn.now() < membership.next_retention_at) return;
  membership.next_retention_at = turn.now() + retention_interval_ms;
  for (const std::string& name : groups_without_members(turn)) expire_offsets(turn, name);
}

GroupMember info_of(const LiveGroup& group, const Member& member) {
  const Member::Protocol* protocol = member.find_protocol(group.protocol_name);
  return {member.id,
          member.instance,
          member.client_id,
          member.client_host,
          protocol ? protocol->metadata : "",
          member.assignment};
}

void describe_members(const LiveGroup& group, GroupInfo& info) {
  info.state = name(group.phase);
  info.protocol_type = group.protocol_type;
  info.protocol_name = group.protocol_name;
  info.leader = group.leader;
  info.generation = group.generation;
  for (const auto& [id, member] : group.members) info.members.push_back(info_of(group, member));
}

void describe_offsets(const State& state, const Group& group, GroupInfo& info) {
  for (const auto& [id, committed] : group.offsets) {
    const Topic* topic = state.topics.find(id.topic);
    const Partition* partition = state.topics.find(id);
    if (!partition) continue;
    info.offsets.push_back({topic->facts.name, id.index, committed.offset, partition->end, committed.metadata,
                            committed.committed_at});
  }
}

void describe_group(const State& state, const Session& session, std::string_view group_name, Described& out) {
  const Group* group = state.groups.find(group_name);
  const LiveGroup* live = session.membership.find(group_name);
  if (!group && !live) return;
  GroupInfo info{.name = std::string(group_name), .state = std::string(name(GroupPhase::empty))};
  if (group) {
    info.protocol_type = group->protocol_type;
    info.generation = group->generation;
    describe_offsets(state, *group, info);
  }
  if (live && !live->members.empty()) describe_members(*live, info);
  out.groups.push_back(std::move(info));
}

}  // namespace

void tick_groups(Turn& turn) {
  expire_groups(turn);
  expire_idle_offsets(turn);
  tick_producers(turn);
}

TimestampMs next_due_groups(const State& state, const Session& session) {
  const TimestampMs retention = state.groups.all().empty() ? never : session.membership.next_retention_at;
  return std::min({session.membership.next_due(), retention, next_due_producers(state, session)});
}

void describe_groups(const State& state, const Session& session, std::string_view name, Described& out) {
  if (!name.empty()) return describe_group(state, session, name, out);
  std::set<std::string_view> names;
  for (const auto& [each, group] : state.groups.all()) names.insert(each);
  for (const auto& [each, group] : session.membership.all()) names.insert(each);
  for (const std::string_view each : names) describe_group(state, session, each, out);
}

}  // namespace tandem::core
