// Members of groups and rebalances under way: Kafka's classic group protocol. Session state: after a restart the members of groups that
// were stable go on, each with a new session (GroupStable); the others are told unknown_member and join again. Generations go on growing
// (GroupGeneration).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/core/deadlines.h"
#include "broker/core/record.h"
#include "broker/core/send.h"

namespace tandem::core {

enum class GroupPhase : std::uint8_t {
  empty,       // no members
  preparing,   // waits for every member to join
  completing,  // all joined; waits for the leader's assignments
  stable,
};
/// As Kafka's tools print it: Empty, PreparingRebalance, CompletingRebalance, Stable.
std::string_view name(GroupPhase phase);

struct Member {
  using Protocol = MemberProtocol;
  std::string id, instance, client_id, client_host;
  std::vector<Protocol> protocols;  // the member's order of preference
  DurationMs session_timeout = 0, rebalance_timeout = 0;
  TimestampMs alive_until = 0;             // does not matter while a join or sync of it waits
  std::uint64_t seniority = 0;             // order of joining: the most senior becomes leader
  bool fresh = true;                       // no join of it was answered yet
  bool synced = false;                     // asked for its assignment in this generation
  std::optional<Caller> joining, syncing;  // requests that wait
  std::string assignment;

  /// It was heard of: its session begins anew.
  void touch(TimestampMs now) { alive_until = now + session_timeout; }
  bool waits() const { return joining || syncing; }
  const Protocol* find_protocol(std::string_view name) const;
  /// In RAM, about.
  std::size_t size_bytes() const;
};

struct LiveGroup {
  std::string name;
  std::uint64_t number = 0;  // of this group among the live ones
  GroupPhase phase = GroupPhase::empty;
  std::string protocol_type, protocol_name, leader;
  std::int32_t generation = 0;
  std::map<std::string, Member, std::less<>> members;              // by member id
  std::map<std::string, std::string, std::less<>> static_members;  // instance → member id
  std::map<std::string, TimestampMs, std::less<>>
      promised_members;  // ids given by member_id_required → until when
  TimestampMs rebalance_due =
      never;  // preparing: late members are dropped; completing: members that did not sync
  TimestampMs empty_since = 0;
  std::uint64_t next_seniority = 1;
  std::size_t counted_bytes = 0;  // of its members, as Membership has added them up

  Member* find(std::string_view member);
  const Member* find(std::string_view member) const;
  /// When something in it may run out, at the earliest.
  TimestampMs next_due() const;
  bool everybody_joined() const;
  bool everybody_synced() const;
  DurationMs rebalance_timeout() const;  // the longest of its members'
  std::size_t size_bytes() const;        // of its members
};

/// What a member takes beside the bytes it brings, and an id that was promised.
inline constexpr std::size_t member_own_size_bytes = 600, promised_member_size_bytes = 150, protocol_own_size_bytes = 64;

class Membership {
 public:
  LiveGroup* find(std::string_view group);
  const LiveGroup* find(std::string_view group) const;
  LiveGroup* find(std::uint64_t number);
  LiveGroup& find_or_add(std::string_view group, std::int32_t generation, TimestampMs now);
  void erase(std::string_view group);
  /// By name.
  std::map<std::string, LiveGroup, std::less<>>& all() { return groups_; }
  const std::map<std::string, LiveGroup, std::less<>>& all() const { return groups_; }

  /// Call after a group changed: its next due time and its size may be others.
  void reschedule(LiveGroup& group);
  /// Of all members.
  std::size_t size_bytes() const { return size_bytes_; }
  std::optional<std::uint64_t> first_due(TimestampMs now) const { return deadlines_.first_due(now); }
  TimestampMs next_due() const { return deadlines_.next(); }

  /// A request of this group waits on the channel. Kept until the channel is closed.
  void note_waiting(ChannelId channel, const LiveGroup& group) { waiting_.emplace(channel, group.number); }
  /// Numbers of the groups noted for the channels from `first` to `last`, which are forgotten.
  std::vector<std::uint64_t> take_waiting(ChannelId first, ChannelId last);

  TimestampMs next_retention_at = 0;  // when offsets of idle groups are looked at again

 private:
  std::map<std::string, LiveGroup, std::less<>> groups_;
  std::unordered_map<std::uint64_t, LiveGroup*> by_number_;
  std::set<std::pair<ChannelId, std::uint64_t>> waiting_;
  Deadlines deadlines_;
  std::uint64_t next_number_ = 1;
  std::size_t size_bytes_ = 0;
};

}  // namespace tandem::core
