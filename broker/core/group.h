// Groups: what is durable of them, committed offsets, the generation, and the members of a stable one. What members do is session
// state (membership.h).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/record.h"

namespace tandem::core {

class State;

struct CommittedOffset {
  Offset offset = 0;
  std::int32_t leader_epoch = -1;
  std::string metadata;
  TimestampMs committed_at = 0;

  /// In RAM, about.
  std::size_t size_bytes() const { return 150 + metadata.size(); }
};

struct Group {
  std::string protocol_type;    // of its last generation; "" when only offsets were ever committed
  std::int32_t generation = 0;  // of the last rebalance; grows for ever
  std::map<PartitionId, CommittedOffset> offsets;
  GroupStable stable;  // without members: it was not stable since its last generation began
};

class Groups {
 public:
  const Group* find(std::string_view name) const;
  /// Every group, by name.
  const std::map<std::string, Group, std::less<>>& all() const { return groups_; }
  /// Of the offsets of all groups.
  std::size_t offsets_size_bytes() const { return offsets_size_bytes_; }

  // Only for apply():
  Group& change(std::string_view name);  // creates it; offsets are put and erased by the others
  void put_offset(std::string_view name, PartitionId partition, CommittedOffset offset);
  void erase(std::string_view name);
  void erase_offset(std::string_view name, PartitionId partition);
  void erase_topic(TopicId topic);

 private:
  using Offsets = std::map<PartitionId, CommittedOffset>;
  void erase_offsets(Offsets& offsets, Offsets::iterator first, Offsets::iterator last);

  std::map<std::string, Group, std::less<>> groups_;
  std::size_t offsets_size_bytes_ = 0;
};

void apply(State& state, const OffsetCommitted& record);
void apply(State& state, const OffsetDeleted& record);
void apply(State& state, const GroupGeneration& record);
void apply(State& state, const GroupStable& record);
void apply(State& state, const GroupDeleted& record);

/// All of it as records, by name: GroupGeneration when it had one, GroupStable when it is, then its offsets.
void durable_groups(const State& state, std::vector<Record>& out);

}  // namespace tandem::core
