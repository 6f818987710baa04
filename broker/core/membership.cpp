#include "broker/core/membership.h"

#include <algorithm>
#include <utility>

namespace tandem::core {

std::string_view name(GroupPhase phase) {
  switch (phase) {
    case GroupPhase::empty:
      return "Empty";
    case GroupPhase::preparing:
      return "PreparingRebalance";
    case GroupPhase::completing:
      return "CompletingRebalance";
    case GroupPhase::stable:
      return "Stable";
  }
  return "";
}

const Member::Protocol* Member::find_protocol(std::string_view wanted) const {
  for (const Protocol& protocol : protocols)
    if (protocol.name == wanted) return &protocol;
  return nullptr;
}

std::size_t Member::size_bytes() const {
  std::size_t size = member_own_size_bytes + assignment.capacity();
  for (const Protocol& protocol : protocols)
    size += protocol_own_size_bytes + protocol.name.size() + protocol.metadata.size();
  return size;
}

const Member* LiveGroup::find(std::string_view member) const {
  const auto it = members.find(member);
  return it == members.end() ? nullptr : &it->second;
}

Member* LiveGroup::find(std::string_view member) {
  const auto it = members.find(member);
  return it == members.end() ? nullptr : &it->second;
}

TimestampMs LiveGroup::next_due() const {
  TimestampMs due = rebalance_due;
  for (const auto& [id, member] : members)
    if (!member.waits()) due = std::min(due, member.alive_until);
  for (const auto& [id, until] : promised_members) due = std::min(due, until);
  return due;
}

bool LiveGroup::everybody_joined() const {
  return promised_members.empty() && std::all_of(members.begin(), members.end(), [](const auto& entry) {
           return entry.second.joining.has_value();
         });
}

bool LiveGroup::everybody_synced() const {
  return std::all_of(members.begin(), members.end(), [](const auto& entry) { return entry.second.synced; });
}

DurationMs LiveGroup::rebalance_timeout() const {
  DurationMs longest = 0;
  for (const auto& [id, member] : members) longest = std::max(longest, member.rebalance_timeout);
  return longest;
}

std::size_t LiveGroup::size_bytes() const {
  std::size_t size = promised_members.size() * promised_member_size_bytes;
  for (const auto& [id, member] : members) size += member.size_bytes();
  return size;
}

LiveGroup* Membership::find(std::string_view group) {
  const auto it = groups_.find(group);
  return it == groups_.end() ? nullptr : &it->second;
}

const LiveGroup* Membership::find(std::string_view group) const {
  const auto it = groups_.find(group);
  return it == groups_.end() ? nullptr : &it->second;
}

LiveGroup* Membership::find(std::uint64_t number) {
  const auto it = by_number_.find(number);
  return it == by_number_.end() ? nullptr : it->second;
}

LiveGroup& Membership::find_or_add(std::string_view name, std::int32_t generation, TimestampMs now) {
  if (LiveGroup* group = find(name)) return *group;
  LiveGroup& group = groups_[std::string(name)];
  group.name = name;
  group.number = next_number_++;
  group.generation = generation;
  group.empty_since = now;
  by_number_.emplace(group.number, &group);
  return group;
}

void Membership::erase(std::string_view name) {
  const auto it = groups_.find(name);
  if (it == groups_.end()) return;
  size_bytes_ -= it->second.counted_bytes;
  deadlines_.clear(it->second.number);
  by_number_.erase(it->second.number);
  groups_.erase(it);
}

void Membership::reschedule(LiveGroup& group) {
  deadlines_.set(group.number, group.next_due());
  const std::size_t before = std::exchange(group.counted_bytes, group.size_bytes());
  size_bytes_ += group.counted_bytes - before;
}

std::vector<std::uint64_t> Membership::take_waiting(ChannelId first, ChannelId last) {
  std::vector<std::uint64_t> groups;
  auto it = waiting_.lower_bound({first, 0});
  for (; it != waiting_.end() && it->first <= last; it = waiting_.erase(it)) groups.push_back(it->second);
  return groups;
}

}  // namespace tandem::core
