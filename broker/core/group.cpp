#include "broker/core/group.h"

#include <utility>

#include "broker/core/state.h"

namespace tandem::core {
namespace {

/// A group without a record to its name is not kept, so that a restart finds the same groups.
bool is_nothing(const Group& group) {
  return group.generation == 0 && group.offsets.empty();
}

}  // namespace

const Group* Groups::find(std::string_view name) const {
  const auto it = groups_.find(name);
  return it == groups_.end() ? nullptr : &it->second;
}

Group& Groups::change(std::string_view name) {
  const auto it = groups_.find(name);
  return it != groups_.end() ? it->second : groups_.emplace(std::string(name), Group{}).first->second;
}

void Groups::put_offset(std::string_view name, PartitionId partition, CommittedOffset offset) {
  Offsets& offsets = change(name).offsets;
  const auto [place, is_new] = offsets.try_emplace(partition);
  if (!is_new) offsets_size_bytes_ -= place->second.size_bytes();
  place->second = std::move(offset);
  offsets_size_bytes_ += place->second.size_bytes();
}

void Groups::erase_offsets(Offsets& offsets, Offsets::iterator first, Offsets::iterator last) {
  for (auto it = first; it != last; ++it) offsets_size_bytes_ -= it->second.size_bytes();
  offsets.erase(first, last);
}

void Groups::erase(std::string_view name) {
  const auto it = groups_.find(name);
  if (it == groups_.end()) return;
  erase_offsets(it->second.offsets, it->second.offsets.begin(), it->second.offsets.end());
  groups_.erase(it);
}

void Groups::erase_offset(std::string_view name, PartitionId partition) {
  const auto it = groups_.find(name);
  if (it == groups_.end()) return;
  const auto [first, last] = it->second.offsets.equal_range(partition);
  erase_offsets(it->second.offsets, first, last);
  if (is_nothing(it->second)) groups_.erase(it);
}

void Groups::erase_topic(TopicId topic) {
  for (auto& [name, group] : groups_) {
    const auto first = group.offsets.lower_bound(PartitionId{topic, 0});
    const auto last = group.offsets.lower_bound(PartitionId{TopicId(topic.value + 1), 0});
    erase_offsets(group.offsets, first, last);
  }
  std::erase_if(groups_, [](const auto& entry) { return is_nothing(entry.second); });
}

void apply(State& state, const OffsetCommitted& record) {
  state.groups.put_offset(record.group, record.partition,
                          {record.offset, record.leader_epoch, record.metadata, record.committed_at});
}

void apply(State& state, const OffsetDeleted& record) {
  state.groups.erase_offset(record.group, record.partition);
}

void apply(State& state, const GroupGeneration& record) {
  Group& group = state.groups.change(record.group);
  group.protocol_type = record.protocol_type;
  group.generation = record.generation;
  group.stable = {};
}

void apply(State& state, const GroupStable& record) {
  state.groups.change(record.group).stable = record;
}

void apply(State& state, const GroupDeleted& record) {
  state.groups.erase(record.group);
}

void durable_groups(const State& state, std::vector<Record>& out) {
  for (const auto& [name, group] : state.groups.all()) {
    if (group.generation > 0) out.push_back(GroupGeneration{name, group.protocol_type, group.generation});
    if (!group.stable.members.empty()) out.push_back(group.stable);
    for (const auto& [partition, committed] : group.offsets)
      out.push_back(OffsetCommitted{name, partition, committed.offset, committed.leader_epoch,
                                    committed.metadata, committed.committed_at});
  }
}

}  // namespace tandem::core
