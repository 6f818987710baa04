// A member joins its group, for the first time or again. Rules: Kafka's classic group protocol with static
// members (KIP-345) and member ids given before the first join counts (KIP-394). There is no initial delay:
// the first member has its generation at once, and each later one starts the next.
#include <algorithm>
#include <utility>

#include "broker/base/limits.h"
#include "broker/core/access.h"
#include "broker/core/group_name.h"
#include "broker/core/group_rebalance.h"
#include "broker/core/group_verbs.h"
#include "schemas/subscription.h"

namespace tandem::core {
namespace {

constexpr DurationMs session_timeout_max_ms = 1'800'000;

void refuse(Turn& turn, const JoinGroup& input, ErrorCode error) {
  turn.say(Joined{.who = input.who, .error = error, .member = std::string(input.member)});
}

ErrorCode judge_request(const JoinGroup& input) {
  if (!is_group_name(input.group)) return ErrorCode::invalid_argument;
  if (input.member.empty() && input.chosen_member.empty()) return ErrorCode::invalid_argument;
  if (input.session_timeout <= 0 || input.session_timeout > session_timeout_max_ms)
    return ErrorCode::invalid_argument;
  if (input.rebalance_timeout <= 0) return ErrorCode::invalid_argument;
  if (input.protocol_type.empty() || input.protocols.empty()) return ErrorCode::inconsistent_protocol;
  return ErrorCode::none;
}

bool is_full(const LiveGroup& group) {
  return group.members.size() + group.promised_members.size() >= limits::group_members_max;
}

bool all_know(const LiveGroup& group, std::string_view protocol, std::string_view except) {
  return std::all_of(group.members.begin(), group.members.end(), [&](const auto& entry) {
    return entry.first == except || entry.second.find_protocol(protocol);
  });
}

/// Whether the members other than `except` have a protocol in common with the request.
bool fits(const LiveGroup& group, const JoinGroup& input, std::string_view except) {
  if (group.members.empty()) return true;
  if (group.protocol_type != input.protocol_type) return false;
  return std::any_of(input.protocols.begin(), input.protocols.end(),
                     [&](const GroupProtocol& protocol) { return all_know(group, protocol.name, except); });
}

std::vector<Member::Protocol> protocols_of(const JoinGroup& input) {
  std::vector<Member::Protocol> protocols;
  for (const GroupProtocol& protocol : input.protocols)
    protocols.push_back({std::string(protocol.name), std::string(text_of(protocol.metadata))});
  return protocols;
}

void wait_to_join(Turn& turn, LiveGroup& group, Member& member, const JoinGroup& input) {
  answer_join(turn, group, member, ErrorCode::rebalance_in_progress);  // the member asked again elsewhere
  member.joining = input.who;
  turn.session().membership.note_waiting(input.who.channel, group);
}

void update(Member& member, const JoinGroup& input) {
  member.protocols = protocols_of(input);
  member.session_timeout = input.session_timeout;
  member.rebalance_timeout = input.rebalance_timeout;
  member.client_id = input.client_id;
  member.client_host = input.client_host;
}

void rebalance(Turn& turn, LiveGroup& group) {
  if (group.phase != GroupPhase::preparing) prepare_rebalance(turn, group);
  try_complete_join(turn, group);
}

void answer_current_generation(Turn& turn, LiveGroup& group, Member& member, const JoinGroup& input) {
  wait_to_join(turn, group, member, input);
  answer_join(turn, group, member, ErrorCode::none);
}

void add_member(Turn& turn, LiveGroup& group, const JoinGroup& input, std::string_view id) {
  if (is_full(group)) return refuse(turn, input, ErrorCode::limit_reached);
  if (group.members.empty()) group.protocol_type = input.protocol_type;
  Member& member = group.members[std::string(id)];
  member.id = id;
  member.instance = input.instance;
  member.seniority = group.next_seniority++;
  update(member, input);
  if (!member.instance.empty()) group.static_members[member.instance] = member.id;
  wait_to_join(turn, group, member, input);
  rebalance(turn, group);
}

/// The instance started anew under another member id. The old id is fenced; the assignment stays.
Member& replace_static_member(Turn& turn, LiveGroup& group, const std::string& old_id,
                              std::string_view new_id) {
  auto node = group.members.extract(old_id);
  answer_join(turn, group, node.mapped(), ErrorCode::fenced);
  answer_sync(turn, group, node.mapped(), ErrorCode::fenced);
  node.key() = std::string(new_id);
  node.mapped().id = new_id;
  Member& member = group.members.insert(std::move(node)).position->second;
  if (group.leader == old_id) group.leader = new_id;
  group.static_members[member.instance] = member.id;
  return member;
}

bool reads_the_same(std::string_view before, Bytes now) {
  auto old_topics = subscribed_topics(bytes_of(before)), new_topics = subscribed_topics(now);
  if (!old_topics || !new_topics) return false;
  std::ranges::sort(*old_topics);
  std::ranges::sort(*new_topics);
  return *old_topics == *new_topics;
}

/// Whether the group would look the same with the member as it comes back. Sticky and cooperative assignors put into a
/// subscription what the member owns: that is of its earlier life, and no reason to rebalance.
bool wants_the_same(const LiveGroup& group, const Member& member, const JoinGroup& input) {
  return std::ranges::equal(member.protocols, input.protocols, [&](const Member::Protocol& before, const GroupProtocol& now) {
    if (before.name != now.name) return false;
    if (before.metadata == text_of(now.metadata)) return true;
    return group.protocol_type == consumer_protocol_type && reads_the_same(before.metadata, now.metadata);
  });
}

/// The answer of a stable group to a static member that came back unchanged. It names the leader's id of
/// before: a leader that came back must not hand out assignments, which a stable group would not pass on.
void answer_returned(Turn& turn, LiveGroup& group, Member& member, const JoinGroup& input,
                     std::string_view old_leader) {
  const std::string leader = std::exchange(group.leader, std::string(old_leader));
  answer_current_generation(turn, group, member, input);
  group.leader = leader;
}

void rejoin_static(Turn& turn, LiveGroup& group, const JoinGroup& input, std::string old_id) {
  if (!fits(group, input, old_id)) return refuse(turn, input, ErrorCode::inconsistent_protocol);
  const std::string old_leader = group.leader;
  Member& member = replace_static_member(turn, group, old_id, input.chosen_member);
  const bool unchanged = wants_the_same(group, member, input);
  update(member, input);
  if (group.phase == GroupPhase::stable && unchanged) {
    keep_members(turn, group);  // its id is another one
    return answer_returned(turn, group, member, input, old_leader);
  }
  wait_to_join(turn, group, member, input);
  rebalance(turn, group);
}

void promise_id(Turn& turn, LiveGroup& group, const JoinGroup& input) {
  if (is_full(group)) return refuse(turn, input, ErrorCode::limit_reached);
  group.promised_members[std::string(input.chosen_member)] = turn.now() + input.session_timeout;
  turn.say(Joined{
      .who = input.who, .error = ErrorCode::member_id_required, .member = std::string(input.chosen_member)});
}

void join_new(Turn& turn, LiveGroup& group, const JoinGroup& input) {
  const auto known = group.static_members.find(input.instance);
  if (!input.instance.empty() && known != group.static_members.end())
    return rejoin_static(turn, group, input, known->second);
  if (!fits(group, input, "")) return refuse(turn, input, ErrorCode::inconsistent_protocol);
  if (input.require_member_id && input.instance.empty()) return promise_id(turn, group, input);
  add_member(turn, group, input, input.chosen_member);
}

void join_again(Turn& turn, LiveGroup& group, Member& member, const JoinGroup& input) {
  const bool unchanged = member.protocols == protocols_of(input);
  const bool settled = group.phase == GroupPhase::completing ||
                       (group.phase == GroupPhase::stable && member.id != group.leader);
  update(member, input);
  if (settled && unchanged) return answer_current_generation(turn, group, member, input);
  wait_to_join(turn, group, member, input);
  rebalance(turn, group);
}

void join_known(Turn& turn, LiveGroup& group, const JoinGroup& input) {
  if (!fits(group, input, input.member)) return refuse(turn, input, ErrorCode::inconsistent_protocol);
  const auto promised = group.promised_members.find(input.member);
  if (promised != group.promised_members.end()) {
    group.promised_members.erase(promised);
    return add_member(turn, group, input, input.member);
  }
  const FoundMember found = find_member(&group, input.member, input.instance);
  if (found.error != ErrorCode::none) return refuse(turn, input, found.error);
  join_again(turn, group, *found.member, input);
}

bool is_one_too_many(Turn& turn, std::string_view group) {
  const Groups& groups = turn.state().groups;
  const Membership& membership = turn.session().membership;
  if (groups.find(group) || membership.find(group)) return false;
  return groups.all().size() >= limits::groups_max || membership.all().size() >= limits::groups_max;
}

/// The member that the request speaks for, if it is one already.
const Member* member_of(const LiveGroup* group, const JoinGroup& input) {
  if (!group) return nullptr;
  if (!input.member.empty()) return group->find(input.member);
  const auto instance = group->static_members.find(input.instance);
  return instance == group->static_members.end() ? nullptr : group->find(instance->second);
}

std::size_t size_bytes_of(const JoinGroup& input) {
  std::size_t size = member_own_size_bytes;
  for (const GroupProtocol& protocol : input.protocols)
    size += protocol_own_size_bytes + protocol.name.size() + protocol.metadata.size();
  return size;
}

/// Who comes back with no more than it had is not held up by others.
bool takes_too_much(Turn& turn, const JoinGroup& input) {
  const Membership& membership = turn.session().membership;
  const Member* member = member_of(membership.find(input.group), input);
  const std::size_t wanted = size_bytes_of(input), had = member ? member->size_bytes() : 0;
  return wanted > had && membership.size_bytes() + wanted - had > turn.options().membership_size_max_bytes;
}

LiveGroup& live_group(Turn& turn, std::string_view name) {
  const Group* group = turn.state().groups.find(name);
  return turn.session().membership.find_or_add(name, group ? group->generation : 0, turn.now());
}

}  // namespace

void handle(Turn& turn, const JoinGroup& input) {
  if (const ErrorCode error = judge_request(input); error != ErrorCode::none)
    return refuse(turn, input, error);
  if (const ErrorCode error = judge_group_access(turn, input.who, Permission::read, input.group);
      error != ErrorCode::none)
    return refuse(turn, input, error);
  if (is_one_too_many(turn, input.group) || takes_too_much(turn, input))
    return refuse(turn, input, ErrorCode::limit_reached);
  LiveGroup& group = live_group(turn, input.group);
  if (input.member.empty())
    join_new(turn, group, input);
  else
    join_known(turn, group, input);
  done_with_group(turn, group);
}

}  // namespace tandem::core
