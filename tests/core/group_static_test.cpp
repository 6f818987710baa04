#include "tests/core/group_fixture.h"

namespace tandem::core {

TEST_CASE("a static member that starts anew keeps its assignment, without a rebalance") {
  TopicFixture at;
  GroupMemberPlayer before(at, 11, "host-1"), after(at, 12, "host-1");
  before.join_now();
  const std::vector<GroupAssignment> assignments = {{before.id, bytes_of("all")}};
  before.sync_now(assignments);

  const Joined joined = after.join_now();
  CHECK(joined.generation == 1);
  CHECK(joined.member == "m12");
  CHECK(joined.leader == "m11");  // so that it hands out no assignments
  CHECK(joined.members.empty());
  CHECK(after.sync_now().assignment == "all");
  CHECK(after.heartbeat() == ErrorCode::none);
  CHECK(before.heartbeat() == ErrorCode::fenced);
  CHECK(before.sync_now().error == ErrorCode::fenced);
  CHECK(before.commit(1) == ErrorCode::fenced);
  CHECK(before.join_now().error == ErrorCode::fenced);
}

TEST_CASE("a static member keeps its assignment over a restart of the broker, and of its own before") {
  TopicFixture at;
  GroupMemberPlayer first(at, 11, "a");
  first.join_now();
  CHECK(first.sync_now({{first.id, bytes_of("work")}}).assignment == "work");
  GroupMemberPlayer again(at, 12, "a");
  again.join_now();
  at.restart();
  CHECK(again.heartbeat() == ErrorCode::none);
  CHECK(first.heartbeat() == ErrorCode::fenced);
  GroupMemberPlayer third(at, 13, "a");
  CHECK(third.join_now().generation == 1);
  CHECK(third.sync_now().assignment == "work");
}

TEST_CASE("a static member that starts anew with another subscription makes the group rebalance") {
  TopicFixture at;
  GroupMemberPlayer before(at, 11, "host-1"), after(at, 12, "host-1");
  before.join_now();
  before.sync_now();
  after.protocols = {{"range", "other topics"}};
  CHECK(after.join_now().generation == 2);
}

TEST_CASE("a static member that starts anew and reads the same is no reason to rebalance, whatever it owned before") {
  using namespace std::string_literals;
  const std::string orders = "\0\6orders"s, payments = "\0\10payments"s, no_user_data = "\xff\xff\xff\xff"s;
  const std::string both = "\0\2\0\0\0\2"s + orders + payments + no_user_data,
                    turned = "\0\2\0\0\0\2"s + payments + orders + no_user_data;
  const std::string owning = "\0\0\0\1"s + orders + "\0\0\0\1\0\0\0\0"s + "\0\0\0\1"s,
                    owning_nothing = "\0\0\0\0\xff\xff\xff\xff"s;
  TopicFixture at;
  GroupMemberPlayer before(at, 11, "host-1"), after(at, 12, "host-1"), later(at, 13, "host-1");
  before.protocols = {{"cooperative-sticky", both + owning}};
  before.join_now();
  const std::vector<GroupAssignment> assignments = {{before.id, bytes_of("all")}};
  before.sync_now(assignments);
  after.protocols = {{"cooperative-sticky", turned + owning_nothing}};
  CHECK(after.join_now().generation == 1);
  CHECK(after.sync_now().assignment == "all");
  later.protocols = {{"cooperative-sticky", "\0\2\0\0\0\1"s + orders + no_user_data + owning_nothing}};
  CHECK(later.join_now().generation == 2);
}

TEST_CASE("the earlier one's waiting request is answered fenced when the instance starts anew") {
  TopicFixture at;
  GroupMemberPlayer other(at, 10), before(at, 11, "host-1"), after(at, 12, "host-1");
  other.join_now();
  before.join();
  after.join();
  CHECK(before.joined().error == ErrorCode::fenced);
  other.join();
  CHECK(other.joined().members.size() == 2);
  CHECK(after.joined().generation == 2);
}

TEST_CASE("static members are not asked to join with an id first") {
  TopicFixture at;
  GroupMemberPlayer member(at, 11, "host-1");
  member.require_member_id = true;
  CHECK(member.join_now().error == ErrorCode::none);
}

TEST_CASE("a static member that misses a rebalance stays until its session ends") {
  TopicFixture at;
  GroupMemberPlayer fixed(at, 11, "host-1"), other(at, 12);
  fixed.session_timeout = 1'000'000;
  fixed.rebalance_timeout = other.rebalance_timeout = 5'000;
  fixed.join_now();
  fixed.sync_now();
  other.join();
  at.tick_after(5'000);
  const Joined joined = other.joined();
  CHECK(joined.generation == 2);
  CHECK(joined.leader == other.id);
  CHECK(joined.members.size() == 2);
}

TEST_CASE("a static member may leave by its instance alone") {
  TopicFixture at;
  GroupMemberPlayer member(at, 11, "host-1");
  member.join_now();
  const std::vector<GroupLeaver> leavers = {{"", "host-1"}, {"", "host-2"}, {"wrong", "host-1"}};
  const auto left = at.ask<GroupLeft>(LeaveGroup{at.caller(), "billing", leavers});
  CHECK(left.error == ErrorCode::none);
  CHECK(left.errors == std::vector{ErrorCode::none, ErrorCode::unknown_member, ErrorCode::unknown_member});
  CHECK(at.describe_group("billing").members.empty());
}

TEST_CASE("an instance that nobody joined with is unknown") {
  TopicFixture at;
  GroupMemberPlayer member(at, 11, "host-1");
  member.join_now();
  CHECK(at.ask<GroupHeartbeatOk>(HeartbeatGroup{at.caller(), "billing", member.id, "host-2", 1}).error ==
        ErrorCode::unknown_member);
}

}  // namespace tandem::core
