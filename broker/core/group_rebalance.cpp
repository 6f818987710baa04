#include "broker/core/group_rebalance.h"

#include <algorithm>
#include <vector>

#include "broker/base/check.h"
#include "broker/base/limits.h"

namespace tandem::core {
namespace {

const Member& most_senior(const LiveGroup& group, bool joined_only) {
  const Member* senior = nullptr;
  for (const auto& [id, member] : group.members) {
    if (joined_only && !member.joining) continue;
    if (!senior || member.seniority < senior->seniority) senior = &member;
  }
  CHECK(senior);
  return *senior;
}

/// Protocols that every member knows, in the order of the most senior one.
std::vector<std::string_view> common_protocols(const LiveGroup& group) {
  std::vector<std::string_view> common;
  for (const Member::Protocol& protocol : most_senior(group, false).protocols) {
    const bool known = std::all_of(group.members.begin(), group.members.end(), [&](const auto& entry) {
      return entry.second.find_protocol(protocol.name);
    });
    if (known) common.push_back(protocol.name);
  }
  return common;
}

void vote(const Member& member, const std::vector<std::string_view>& common,
          std::vector<std::size_t>& votes) {
  for (const Member::Protocol& protocol : member.protocols) {
    const auto it = std::find(common.begin(), common.end(), protocol.name);
    if (it == common.end()) continue;
    ++votes[static_cast<std::size_t>(it - common.begin())];
    return;
  }
}

/// Each member votes for the first of its protocols that all know.
std::string choose_protocol(const LiveGroup& group) {
  const std::vector<std::string_view> common = common_protocols(group);
  CHECK(!common.empty());  // join_group.cpp takes no member without a protocol in common
  std::vector<std::size_t> votes(common.size());
  for (const auto& [id, member] : group.members) vote(member, common, votes);
  const auto most = std::max_element(votes.begin(), votes.end());
  return std::string(common[static_cast<std::size_t>(most - votes.begin())]);
}

void elect_leader(LiveGroup& group) {
  const Member* leader = group.find(group.leader);
  if (!leader || !leader->joining) group.leader = most_senior(group, true).id;
}

std::vector<std::string> late_members(const LiveGroup& group) {
  std::vector<std::string> late;
  for (const auto& [id, member] : group.members)
    if (!member.joining && member.instance.empty()) late.push_back(id);
  return late;
}

/// Who left does not come back with a restart. Those who stay join again then, as they have to in any case.
void keep_nobody(Turn& turn, const LiveGroup& group) {
  const Group* kept = turn.state().groups.find(group.name);
  if (kept && !kept->stable.members.empty()) turn.record(GroupGeneration{group.name, group.protocol_type, group.generation});
}

void become_empty(Turn& turn, LiveGroup& group) {
  keep_nobody(turn, group);
  group.phase = GroupPhase::empty;
  group.leader.clear();
  group.protocol_name.clear();
  group.rebalance_due = never;
  group.empty_since = turn.now();
}

void start_generation(Turn& turn, LiveGroup& group) {
  group.generation += 1;
  group.protocol_name = choose_protocol(group);
  elect_leader(group);
  group.phase = GroupPhase::completing;
  group.rebalance_due = turn.now() + group.rebalance_timeout();
  turn.record(GroupGeneration{group.name, group.protocol_type, group.generation});
  for (auto& [id, member] : group.members) {
    member.synced = false;
    member.assignment = std::string();
    member.assignment.shrink_to_fit();
    if (member.joining)
      answer_join(turn, group, member, ErrorCode::none);
    else
      member.touch(turn.now());
  }
}

std::vector<GroupMember> members_for_leader(const LiveGroup& group) {
  std::vector<GroupMember> members;
  members.reserve(group.members.size());
  for (const auto& [id, member] : group.members) {
    const Member::Protocol* protocol = member.find_protocol(group.protocol_name);
    members.push_back({member.id, member.instance, member.client_id, member.client_host,
                       protocol ? protocol->metadata : std::string(), std::string()});
  }
  return members;
}

std::vector<std::string> dead_members(const LiveGroup& group, TimestampMs now) {
  std::vector<std::string> dead;
  for (const auto& [id, member] : group.members)
    if (!member.waits() && member.alive_until <= now) dead.push_back(id);
  return dead;
}

std::vector<std::string> unsynced_members(const LiveGroup& group) {
  std::vector<std::string> unsynced;
  for (const auto& [id, member] : group.members)
    if (!member.synced) unsynced.push_back(id);
  return unsynced;
}

void remove_members(Turn& turn, LiveGroup& group, const std::vector<std::string>& members) {
  for (const std::string& member : members) remove_member(turn, group, member);
  if (!members.empty()) members_changed(turn, group);
}

/// A new member whose first join nobody waits for any more cannot know its id: it is gone.
void forget_join(Turn& turn, LiveGroup& group, Member& member) {
  member.joining.reset();
  if (member.fresh && member.instance.empty())
    remove_members(turn, group, {member.id});
  else
    member.touch(turn.now());
}

void forget_waiting_of(Turn& turn, LiveGroup& group, ChannelId first, ChannelId last) {
  const auto gone = [&](const std::optional<Caller>& who) {
    return who && first <= who->channel && who->channel <= last;
  };
  std::vector<std::string> joining;
  for (auto& [id, member] : group.members) {
    if (gone(member.joining)) joining.push_back(id);
    if (!gone(member.syncing)) continue;
    member.syncing.reset();
    member.touch(turn.now());
  }
  for (const std::string& id : joining)
    if (Member* member = group.find(id); member && gone(member->joining)) forget_join(turn, group, *member);
}

std::vector<const Member*> by_seniority(const LiveGroup& group) {
  std::vector<const Member*> members;
  for (const auto& [id, member] : group.members) members.push_back(&member);
  std::ranges::sort(members, {}, &Member::seniority);
  return members;
}

void wake_up(LiveGroup& group, const StableMember& kept, TimestampMs now) {
  Member& member = group.members[kept.id];
  member.id = kept.id;
  member.instance = kept.instance;
  member.client_id = kept.client_id;
  member.client_host = kept.client_host;
  member.protocols = kept.protocols;
  member.session_timeout = kept.session_timeout;
  member.rebalance_timeout = kept.rebalance_timeout;
  member.seniority = group.next_seniority++;
  member.fresh = false;
  member.synced = true;
  member.assignment = kept.assignment;
  member.touch(now);
  if (!member.instance.empty()) group.static_members[member.instance] = member.id;
}

}  // namespace

void keep_members(Turn& turn, const LiveGroup& group) {
  std::size_t size = 0;
  for (const auto& [id, member] : group.members) size += member.size_bytes();
  if (size > limits::stable_group_size_max_bytes) return keep_nobody(turn, group);
  GroupStable stable{group.name, group.protocol_name, group.leader, {}};
  for (const Member* member : by_seniority(group))
    stable.members.push_back({member->id, member->instance, member->client_id, member->client_host, member->session_timeout,
                              member->rebalance_timeout, member->protocols, member->assignment});
  turn.record(std::move(stable));
}

void wake_up_members(const State& state, Session& session, TimestampMs now) {
  for (const auto& [name, kept] : state.groups.all()) {
    if (kept.stable.members.empty()) continue;
    LiveGroup& group = session.membership.find_or_add(name, kept.generation, now);
    group.phase = GroupPhase::stable;
    group.protocol_type = kept.protocol_type;
    group.protocol_name = kept.stable.protocol_name;
    group.leader = kept.stable.leader;
    for (const StableMember& member : kept.stable.members) wake_up(group, member, now);
    session.membership.reschedule(group);
  }
}

FoundMember find_member(LiveGroup* group, std::string_view member, std::string_view instance) {
  if (!group) return {ErrorCode::unknown_member};
  if (!instance.empty()) {
    const auto it = group->static_members.find(instance);
    if (it == group->static_members.end()) return {ErrorCode::unknown_member};
    if (it->second != member) return {ErrorCode::fenced};
  }
  Member* found = group->find(member);
  return found ? FoundMember{ErrorCode::none, found} : FoundMember{ErrorCode::unknown_member};
}

void answer_join(Turn& turn, const LiveGroup& group, Member& member, ErrorCode error) {
  if (!member.joining) return;
  Joined joined{.who = *member.joining, .error = error, .member = member.id};
  if (error == ErrorCode::none) {
    joined.generation = group.generation;
    joined.protocol_type = group.protocol_type;
    joined.protocol_name = group.protocol_name;
    joined.leader = group.leader;
    if (member.id == group.leader) joined.members = members_for_leader(group);
    member.fresh = false;
  }
  member.joining.reset();
  member.touch(turn.now());
  turn.say(std::move(joined));
}

void answer_sync(Turn& turn, const LiveGroup& group, Member& member, ErrorCode error) {
  if (!member.syncing) return;
  Synced synced{.who = *member.syncing, .error = error};
  if (error == ErrorCode::none) {
    synced.protocol_type = group.protocol_type;
    synced.protocol_name = group.protocol_name;
    synced.assignment = member.assignment;
  }
  member.syncing.reset();
  member.touch(turn.now());
  turn.say_behind_answers(std::move(synced));  // the record of the stable group may be of an earlier turn
}

void prepare_rebalance(Turn& turn, LiveGroup& group) {
  for (auto& [id, member] : group.members) answer_sync(turn, group, member, ErrorCode::rebalance_in_progress);
  group.phase = GroupPhase::preparing;
  group.rebalance_due = turn.now() + group.rebalance_timeout();
}

void try_complete_join(Turn& turn, LiveGroup& group) {
  if (group.phase == GroupPhase::preparing && group.everybody_joined()) complete_join(turn, group);
}

void complete_join(Turn& turn, LiveGroup& group) {
  const std::vector<std::string> late = late_members(group);
  for (const std::string& member : late) remove_member(turn, group, member);
  if (!late.empty()) keep_nobody(turn, group);
  if (group.members.empty()) return become_empty(turn, group);
  const bool anybody = std::any_of(group.members.begin(), group.members.end(),
                                   [](const auto& entry) { return entry.second.joining.has_value(); });
  if (anybody)
    start_generation(turn, group);
  else  // only static members are left, and each has its session's time to come back
    group.rebalance_due = turn.now() + group.rebalance_timeout();
}

void remove_member(Turn& turn, LiveGroup& group, std::string_view id) {
  const auto it = group.members.find(id);
  if (it == group.members.end()) return;
  answer_join(turn, group, it->second, ErrorCode::unknown_member);
  answer_sync(turn, group, it->second, ErrorCode::unknown_member);
  if (!it->second.instance.empty()) group.static_members.erase(it->second.instance);
  if (group.leader == id) group.leader.clear();
  group.members.erase(it);
}

void members_changed(Turn& turn, LiveGroup& group) {
  keep_nobody(turn, group);
  if (group.phase == GroupPhase::stable || group.phase == GroupPhase::completing)
    prepare_rebalance(turn, group);
  try_complete_join(turn, group);
}

void expire_members(Turn& turn, LiveGroup& group) {
  const TimestampMs now = turn.now();
  std::erase_if(group.promised_members, [&](const auto& promised) { return promised.second <= now; });
  remove_members(turn, group, dead_members(group, now));
  try_complete_join(turn, group);
  if (group.rebalance_due > now) return;
  if (group.phase == GroupPhase::preparing) return complete_join(turn, group);
  group.rebalance_due = never;
  remove_members(turn, group, unsynced_members(group));
}

void forget_waiting_members(Turn& turn, ChannelId first, ChannelId last) {
  Membership& membership = turn.session().membership;
  for (const std::uint64_t number : membership.take_waiting(first, last)) {
    LiveGroup* group = membership.find(number);
    if (!group) continue;
    forget_waiting_of(turn, *group, first, last);
    done_with_group(turn, *group);
  }
}

void done_with_group(Turn& turn, LiveGroup& group) {
  Membership& membership = turn.session().membership;
  const bool deserted = group.members.empty() && group.promised_members.empty();
  if (deserted && !turn.state().groups.find(group.name))
    membership.erase(std::string(group.name));
  else
    membership.reschedule(group);
}

}  // namespace tandem::core
