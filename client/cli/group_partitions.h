// A group's partitions as people look at them: where each was committed, and which member has it now.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tandem/requests.h"

namespace tandem::cli {

struct GroupPartition {
  std::string topic;
  std::int32_t partition = 0;
  Offset committed = -1, end = -1;  // -1: nothing committed; not known
  TimestampMs committed_at = 0;
  std::string member;  // its instance where it has one; "" = nobody has the partition
};

/// Those that it has committed offsets of and those that its members were given, by topic and partition. Of a member that
/// does not speak Kafka's consumer protocol nothing is known.
std::vector<GroupPartition> partitions_of(const GroupInfo& group);

}  // namespace tandem::cli
