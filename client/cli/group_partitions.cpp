#include "client/cli/group_partitions.h"

#include <map>
#include <utility>

#include "client/assignment.h"

namespace tandem::cli {

std::vector<GroupPartition> partitions_of(const GroupInfo& group) {
  std::map<TopicPartition, GroupPartition> all;
  for (const auto& offset : group.offsets)
    all[{offset.topic, offset.partition}] = {offset.topic,        offset.partition, offset.committed, offset.end,
                                             offset.committed_at, ""};
  for (const auto& member : group.members) {
    const auto assigned = client::decode_assignment(member.assignment);
    if (!assigned || group.protocol_type != "consumer") continue;
    for (const TopicPartition& each : *assigned) {
      GroupPartition& found = all[each];
      found.topic = each.topic;
      found.partition = each.partition;
      found.member = member.instance.empty() ? member.member : member.instance;
    }
  }
  std::vector<GroupPartition> sorted;
  for (auto& [name, partition] : all) sorted.push_back(std::move(partition));
  return sorted;
}

}  // namespace tandem::cli
