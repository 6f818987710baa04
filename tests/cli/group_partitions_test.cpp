// A group's partitions, put together from what was committed and what its members were given.
#include "client/cli/group_partitions.h"

#include "client/assignment.h"
#include "doctest/doctest.h"

namespace tandem::cli {
namespace {

GroupInfo group_with(std::vector<GroupOffsetInfo> offsets, std::vector<GroupMemberInfo> members) {
  return {.name = "g", .protocol_type = "consumer", .members = std::move(members), .offsets = std::move(offsets)};
}

GroupMemberInfo member_with(std::string id, std::string instance, const std::vector<TopicPartition>& assigned) {
  return {.member = std::move(id), .instance = std::move(instance), .assignment = client::encode_assignment(assigned)};
}

}  // namespace

TEST_CASE("a group's partitions are those that were committed and those that its members have, in order") {
  const auto all = partitions_of(group_with({{"b", 0, 5, 7, "", 99}, {"a", 1, 3, 3, "", 98}},
                                            {member_with("m1", "", {{"a", 1}, {"a", 10}}), member_with("m2", "two", {{"a", 2}})}));
  REQUIRE(all.size() == 4);
  CHECK(all[0].topic == "a");
  CHECK(all[0].partition == 1);
  CHECK(all[0].committed == 3);
  CHECK(all[0].end == 3);
  CHECK(all[0].committed_at == 98);
  CHECK(all[0].member == "m1");
  CHECK(all[1].partition == 2);
  CHECK(all[1].committed == -1);
  CHECK(all[1].end == -1);
  CHECK(all[1].member == "two");
  CHECK(all[2].partition == 10);
  CHECK(all[2].member == "m1");
  CHECK(all[3].topic == "b");
  CHECK(all[3].member.empty());
}

TEST_CASE("of members that speak another protocol, or nonsense, no partitions are known") {
  auto connect = group_with({}, {member_with("m", "", {{"a", 1}})});
  connect.protocol_type = "connect";
  CHECK(partitions_of(connect).empty());
  CHECK(partitions_of(group_with({}, {{.member = "m", .assignment = "nonsense"}, {.member = "n"}})).empty());
}

}  // namespace tandem::cli
