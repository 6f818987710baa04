// Requests name partitions topic by topic; their answers repeat the names in the same order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::wire::kafka {

inline std::int32_t index_of(std::int32_t partition) {
  return partition;
}
template <class Partition>
std::int32_t index_of(const Partition& partition) {
  return partition.index;
}

/// Makes `answered` the same topics and partitions as `asked`, and gives the partitions in their order: the
/// n-th is part n. They stay where they are as long as nothing is added to `answered`.
template <class AskedTopic, class AnsweredTopic>
auto mirror(const std::vector<AskedTopic>& asked, std::vector<AnsweredTopic>& answered) {
  using Partition = typename decltype(AnsweredTopic::partitions)::value_type;
  std::vector<Partition*> parts;
  answered.resize(asked.size());
  for (std::size_t t = 0; t < asked.size(); ++t) {
    answered[t].name = asked[t].name;
    answered[t].partitions.resize(asked[t].partitions.size());
    for (std::size_t p = 0; p < asked[t].partitions.size(); ++p) {
      answered[t].partitions[p].index = index_of(asked[t].partitions[p]);
      parts.push_back(&answered[t].partitions[p]);
    }
  }
  return parts;
}

/// Calls `each(part, topic, partition)` for all partitions, in the order of mirror().
template <class AskedTopic, class Each>
void for_each_part(const std::vector<AskedTopic>& asked, Each each) {
  std::uint32_t part = 0;
  for (const AskedTopic& topic : asked)
    for (const auto& partition : topic.partitions) each(part++, topic, partition);
}

}  // namespace tandem::wire::kafka
