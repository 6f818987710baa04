#include "tests/core/group_fixture.h"

namespace tandem::core {

TEST_CASE("the first member has its generation at once and leads the group") {
  TopicFixture at;
  GroupMemberPlayer member(at, 11);
  const Joined joined = member.join_now();
  CHECK(joined.error == ErrorCode::none);
  CHECK(joined.generation == 1);
  CHECK(joined.protocol_type == "consumer");
  CHECK(joined.protocol_name == "range");
  CHECK(joined.leader == "m11");
  REQUIRE(joined.members.size() == 1);
  CHECK(joined.members[0].metadata == "topics");
  CHECK(joined.members[0].client_host == "/127.0.0.1");
  const std::vector<GroupAssignment> assignments = {{"m11", bytes_of("all of it")}};
  CHECK(member.sync_now(assignments).assignment == "all of it");
  CHECK(member.heartbeat() == ErrorCode::none);
  CHECK(at.describe_group("billing").state == "Stable");
}

TEST_CASE("a join is not answered before its generation is on disk") {
  TopicFixture at;
  const std::vector<GroupProtocol> protocols = {{"range", {}}};
  at.give(JoinGroup{.who = at.caller(),
                    .group = "billing",
                    .protocol_type = "consumer",
                    .chosen_member = "m",
                    .protocols = protocols});
  CHECK_FALSE(at.has<Joined>());
  at.persist();
  CHECK(at.has<Joined>());
}

TEST_CASE("a second member makes the group rebalance: all join again, the leader hands out assignments") {
  TopicFixture at;
  GroupMemberPlayer first(at, 11), second(at, 12);
  first.join_now();
  first.sync_now();
  second.join();
  CHECK_FALSE(second.take_joined());
  CHECK(at.describe_group("billing").state == "PreparingRebalance");
  CHECK(first.heartbeat() == ErrorCode::rebalance_in_progress);
  first.join();
  const Joined leader = first.joined(), follower = second.joined();
  CHECK(leader.generation == 2);
  CHECK(leader.leader == first.id);
  CHECK(leader.members.size() == 2);
  CHECK(follower.leader == first.id);
  CHECK(follower.members.empty());

  second.sync();
  CHECK_FALSE(second.take_synced());
  CHECK(at.describe_group("billing").state == "CompletingRebalance");
  const std::vector<GroupAssignment> assignments = {{first.id, bytes_of("one")},
                                                    {second.id, bytes_of("two")}};
  CHECK(first.sync_now(assignments).assignment == "one");
  CHECK(second.synced().assignment == "two");
  CHECK(second.sync_now().assignment == "two");  // asked again
}

TEST_CASE("a new member that waits for assignments makes those who wait start over") {
  TopicFixture at;
  GroupMemberPlayer first(at, 11), second(at, 12), third(at, 13);
  first.join_now();
  second.join();
  first.join();
  first.joined();
  second.joined();
  second.sync();
  third.join();
  CHECK(second.synced().error == ErrorCode::rebalance_in_progress);
  CHECK(first.sync_now().error == ErrorCode::rebalance_in_progress);
}

TEST_CASE("a member whose session ends is out and the others rebalance") {
  TopicFixture at;
  StablePair group(at);
  at.tick_after(6'000);
  CHECK(group.first.heartbeat() == ErrorCode::none);
  at.tick_after(6'000);
  CHECK(group.second.heartbeat() == ErrorCode::unknown_member);
  CHECK(group.first.heartbeat() == ErrorCode::rebalance_in_progress);
  const Joined joined = group.first.join_now();
  CHECK(joined.generation == 3);
  CHECK(joined.members.size() == 1);
}

TEST_CASE("when the leader dies the most senior member leads") {
  TopicFixture at;
  StablePair group(at);
  GroupMemberPlayer third(at, 13);
  third.join();
  group.second.join();
  at.tick_after(12'000);  // the first member, not heard of, goes
  CHECK(group.second.joined().leader == group.second.id);
  CHECK(third.joined().leader == group.second.id);
}

TEST_CASE("a member that does not join again in time is left out") {
  TopicFixture at;
  StablePair group(at);
  group.second.session_timeout = 1'000'000;
  group.first.rebalance_timeout = group.second.rebalance_timeout = 20'000;
  group.first.session_timeout = 1'000'000;
  group.first.join();
  group.second.join();
  group.first.joined();
  group.second.joined();
  group.settle();
  group.first.join();  // the leader joins again: a rebalance
  at.tick_after(19'999);
  CHECK_FALSE(group.first.take_joined());
  at.tick_after(1);
  CHECK(group.first.joined().members.size() == 1);
  CHECK(group.second.heartbeat() == ErrorCode::unknown_member);
}

TEST_CASE("a member that joined but does not ask for its assignment in time is out") {
  TopicFixture at;
  GroupMemberPlayer first(at, 11), second(at, 12);
  first.session_timeout = second.session_timeout = 1'000'000;
  first.join_now();
  second.join();
  first.join();
  first.joined();
  second.joined();
  first.sync_now();
  at.tick_after(60'000);
  CHECK(second.heartbeat() == ErrorCode::unknown_member);
  CHECK(first.heartbeat() == ErrorCode::rebalance_in_progress);
}

TEST_CASE("requests with the wrong generation, member or group are told so") {
  TopicFixture at;
  StablePair group(at);
  group.first.generation -= 1;
  CHECK(group.first.heartbeat() == ErrorCode::illegal_generation);
  CHECK(group.first.sync_now().error == ErrorCode::illegal_generation);
  group.first.id = "somebody";
  CHECK(group.first.heartbeat() == ErrorCode::unknown_member);
  CHECK(group.first.sync_now().error == ErrorCode::unknown_member);
  CHECK(group.first.join_now().error == ErrorCode::unknown_member);
  CHECK(group.first.leave() == ErrorCode::unknown_member);
  CHECK(at.ask<GroupHeartbeatOk>(HeartbeatGroup{at.caller(), "no such group", "m", "", 1}).error ==
        ErrorCode::unknown_member);
}

TEST_CASE("a sync that names another protocol is refused") {
  TopicFixture at;
  GroupMemberPlayer member(at, 11);
  member.join_now();
  SyncGroup sync{.who = at.caller(11), .group = "billing", .member = member.id, .generation = 1};
  sync.protocol_name = "roundrobin";
  CHECK(at.ask<Synced>(sync).error == ErrorCode::inconsistent_protocol);
  sync.protocol_name = "range";
  sync.protocol_type = "connect";
  CHECK(at.ask<Synced>(sync).error == ErrorCode::inconsistent_protocol);
  sync.protocol_type = "consumer";
  CHECK(at.ask<Synced>(sync).error == ErrorCode::none);
}

TEST_CASE("the protocol is one that all know, chosen by most votes") {
  TopicFixture at;
  GroupMemberPlayer first(at, 11), second(at, 12), third(at, 13);
  first.protocols = {{"range", ""}, {"sticky", ""}, {"only-mine", ""}};
  second.protocols = {{"sticky", ""}, {"range", ""}};
  third.protocols = {{"sticky", ""}, {"range", ""}};
  CHECK(first.join_now().protocol_name == "range");
  second.join();
  third.join();
  first.join();
  CHECK(first.joined().protocol_name == "sticky");
  CHECK(third.joined().protocol_name == "sticky");
}

TEST_CASE("a member without a protocol in common, or of another type, is refused") {
  TopicFixture at;
  GroupMemberPlayer first(at, 11), second(at, 12);
  first.join_now();
  second.protocols = {{"roundrobin", ""}};
  CHECK(second.join_now().error == ErrorCode::inconsistent_protocol);
  second.protocols = {};
  CHECK(second.join_now().error == ErrorCode::inconsistent_protocol);
  second.protocols = {{"range", ""}};
  second.protocol_type = "connect";
  CHECK(second.join_now().error == ErrorCode::inconsistent_protocol);
  CHECK(first.heartbeat() == ErrorCode::none);
  CHECK(first.leave() == ErrorCode::none);
  second.id.clear();
  CHECK(second.join_now().protocol_type == "connect");  // an empty group takes any type
}

TEST_CASE("a join with timeouts that make no sense is refused") {
  TopicFixture at;
  GroupMemberPlayer member(at, 11);
  member.session_timeout = 0;
  CHECK(member.join_now().error == ErrorCode::invalid_argument);
  member.session_timeout = 1'800'001;
  CHECK(member.join_now().error == ErrorCode::invalid_argument);
  CHECK(at.ask<Described>(Describe{at.caller(), Subject::groups, ""}).groups.empty());
}

TEST_CASE("a group has a name of 1 to 255 bytes of UTF-8") {
  TopicFixture at;
  at.create("orders");
  const std::vector<OffsetCommitEntry> entries = {{.topic = "orders", .offset = 1}};
  const auto commit_of = [&](std::string_view group) {
    return at.ask<OffsetsCommittedOk>(CommitOffsets{.who = at.caller(), .group = group, .entries = entries}).errors;
  };
  for (const std::string& name : {std::string(), std::string(256, 'g'), std::string("g\xFF")}) {
    GroupMemberPlayer member(at, 11);
    member.group = name;
    CHECK(member.join_now().error == ErrorCode::invalid_argument);
    CHECK(commit_of(name) == std::vector{ErrorCode::invalid_argument});
  }
  CHECK(commit_of("../Zürich") == std::vector{ErrorCode::none});
}

TEST_CASE(
    "a member that joins a stable group again unchanged gets its generation, the leader starts a new one") {
  TopicFixture at;
  StablePair group(at);
  CHECK(group.second.join_now().generation == 2);
  CHECK(group.first.heartbeat() == ErrorCode::none);
  group.second.protocols = {{"range", "other topics"}};
  group.second.join();
  CHECK_FALSE(group.second.take_joined());
  group.first.join();
  CHECK(group.first.joined().generation == 3);
  CHECK(group.second.joined().generation == 3);
}

TEST_CASE("a first join is answered with the id to join with, which is good for a session's time") {
  TopicFixture at;
  GroupMemberPlayer member(at, 11), late(at, 12);
  member.require_member_id = late.require_member_id = true;
  CHECK(member.join_now().error == ErrorCode::member_id_required);
  CHECK(member.id == "m11");
  CHECK(member.join_now().generation == 1);

  CHECK(late.join_now().error == ErrorCode::member_id_required);
  at.tick_after(10'000);
  CHECK(late.join_now().error == ErrorCode::unknown_member);
}

TEST_CASE("a rebalance waits for members that were promised an id, but not when they give it back") {
  TopicFixture at;
  StablePair group(at);
  GroupMemberPlayer third(at, 13);
  third.require_member_id = true;
  third.join_now();
  group.first.join();
  group.second.join();
  CHECK_FALSE(group.first.take_joined());
  CHECK(third.leave() == ErrorCode::none);
  CHECK(group.first.joined().generation == 3);
  CHECK(group.second.joined().generation == 3);
}

TEST_CASE("giving back a promised id does not disturb a stable group") {
  TopicFixture at;
  StablePair group(at);
  GroupMemberPlayer third(at, 13);
  third.require_member_id = true;
  third.join_now();
  CHECK(third.leave() == ErrorCode::none);
  CHECK(group.first.heartbeat() == ErrorCode::none);
}

TEST_CASE("a member that leaves is out at once; the last one leaves an empty group") {
  TopicFixture at;
  StablePair group(at);
  CHECK(group.first.leave() == ErrorCode::none);
  CHECK(group.first.heartbeat() == ErrorCode::unknown_member);
  CHECK(group.second.heartbeat() == ErrorCode::rebalance_in_progress);
  CHECK(group.second.join_now().leader == group.second.id);
  CHECK(group.second.leave() == ErrorCode::none);
  CHECK(at.describe_group("billing").state == "Empty");
  CHECK(at.describe_group("billing").members.empty());
}

TEST_CASE("a connection that closes takes a first join along, and a known member keeps its session") {
  TopicFixture at;
  StablePair group(at);
  GroupMemberPlayer third(at, 13);
  third.join();
  third.close();
  CHECK_FALSE(third.take_joined());
  group.first.join();
  group.first.close();
  group.second.join();
  CHECK_FALSE(group.second.take_joined());  // the first one has the rest of its session to come back
  at.tick_after(10'000);
  CHECK(group.second.joined().members.size() == 1);
}

TEST_CASE("a member that asks again before its first request is answered gets one answer to each") {
  TopicFixture at;
  StablePair group(at);
  group.first.join();
  group.first.join();
  CHECK(group.first.joined().error == ErrorCode::rebalance_in_progress);
  group.second.join();
  CHECK(group.first.joined().error == ErrorCode::none);
  group.second.joined();
  group.second.sync();
  group.second.sync();
  CHECK(group.second.synced().error == ErrorCode::rebalance_in_progress);
  group.first.sync_now();
  CHECK(group.second.synced().error == ErrorCode::none);
}

static std::string work_of(const GroupInfo& info) {
  std::string all;
  for (const GroupMember& member : info.members) all += member.member + ": " + member.metadata + ", " + member.assignment + "; ";
  return all;
}

TEST_CASE("after a restart the members of a stable group go on as they were") {
  TopicFixture at;
  StablePair group(at);
  const GroupInfo before = at.describe_group("billing");
  at.restart();
  CHECK(at.describe_group("billing").state == "Stable");
  CHECK(at.describe_group("billing").generation == 2);
  CHECK(at.describe_group("billing").leader == before.leader);
  CHECK(work_of(at.describe_group("billing")) == work_of(before));
  CHECK(group.first.heartbeat() == ErrorCode::none);
  CHECK(group.second.sync_now().assignment == before.members[1].assignment);

  GroupMemberPlayer third(at, 13);  // the next rebalance is like any other
  third.join();
  CHECK(group.first.heartbeat() == ErrorCode::rebalance_in_progress);
  group.first.join();
  group.second.join();
  CHECK(third.joined().generation == 3);
  CHECK(group.first.joined().leader == group.first.id);
}

TEST_CASE("each session begins anew with a restart, and ends if nobody comes back") {
  TopicFixture at;
  StablePair group(at);
  at.restart(at.now + 60'000);
  at.tick_after(9'999);
  CHECK(at.describe_group("billing").members.size() == 2);
  at.tick_after(1);
  CHECK(at.describe_group("billing").state == "Empty");
  at.restart();
  CHECK(at.describe_group("billing").state == "Empty");
  CHECK(group.first.heartbeat() == ErrorCode::unknown_member);
}

TEST_CASE("who left is not there after a restart") {
  TopicFixture at;
  StablePair group(at);
  group.first.leave();
  group.second.leave();
  at.restart();
  CHECK(at.describe_group("billing").state == "Empty");
  CHECK(at.describe_group("billing").generation == 2);
  group.first.id.clear();
  CHECK(group.first.join_now().generation == 3);
}

TEST_CASE("one of two who left is not there after a restart, and the other joins again") {
  TopicFixture at;
  StablePair group(at);
  group.first.leave();
  at.restart();
  CHECK(at.describe_group("billing").members.empty());
  CHECK(group.second.heartbeat() == ErrorCode::unknown_member);
}

TEST_CASE("a rebalance that somebody else began is forgotten with a restart") {
  TopicFixture at;
  StablePair group(at);
  GroupMemberPlayer third(at, 13);
  third.join();
  CHECK(group.first.heartbeat() == ErrorCode::rebalance_in_progress);
  at.restart();
  CHECK(group.first.heartbeat() == ErrorCode::none);
  CHECK(at.describe_group("billing").members.size() == 2);
}

TEST_CASE("after a restart in the middle of a rebalance members are unknown, and the generation goes on growing") {
  TopicFixture at;
  StablePair group(at);
  group.first.leave();
  CHECK(group.second.join_now().generation == 3);
  at.restart();
  CHECK(at.describe_group("billing").state == "Empty");
  CHECK(group.second.heartbeat() == ErrorCode::unknown_member);
  group.second.id.clear();
  CHECK(group.second.join_now().generation == 4);
}

TEST_CASE("members of a group that is larger than may be kept join again after a restart") {
  TopicFixture at;
  GroupMemberPlayer member(at, 11);
  member.protocols = {{"range", std::string(limits::stable_group_size_max_bytes, 's')}};
  member.join_now();
  member.sync_now();
  CHECK(member.heartbeat() == ErrorCode::none);
  at.restart();
  CHECK(member.heartbeat() == ErrorCode::unknown_member);
  member.id.clear();
  CHECK(member.join_now().generation == 2);
}

TEST_CASE("groups are described with their members and assignments") {
  TopicFixture at;
  StablePair group(at);
  const GroupInfo info = at.describe_group("billing");
  CHECK(info.state == "Stable");
  CHECK(info.leader == group.first.id);
  REQUIRE(info.members.size() == 2);
  CHECK(info.members[0].assignment == "one");
  CHECK(info.members[1].assignment == "two");
  CHECK(info.members[1].client_id == "client");
  CHECK(at.ask<Described>(Describe{at.caller(), Subject::groups, "no such group"}).groups.empty());
}

TEST_CASE("what the members of all groups hold together is bounded, and who is one already goes on") {
  TopicFixture at(BrokerOptions{.membership_size_max_bytes = 20'000});
  const auto join = [&at](std::uint64_t connection, std::size_t size, std::string instance = "") {
    GroupMemberPlayer player(at, connection, std::move(instance));
    player.group = "g" + std::to_string(connection);
    player.protocols = {{"range", std::string(size, 'x')}};
    player.join();
    return player.joined().error;
  };
  CHECK(join(1, 8'000) == ErrorCode::none);
  CHECK(join(2, 8'000, "static") == ErrorCode::none);
  CHECK(join(3, 8'000) == ErrorCode::limit_reached);
  CHECK(join(3, 100) == ErrorCode::none);
  CHECK(join(2, 8'000, "static") == ErrorCode::none);  // it came back
  CHECK(join(2, 18'000, "static") == ErrorCode::limit_reached);
  at.tick_after(11'000);  // nobody was heard of for a session's time
  CHECK(join(4, 18'000) == ErrorCode::none);
}

TEST_CASE("assignments count as well, until the next generation") {
  TopicFixture at(BrokerOptions{.membership_size_max_bytes = 20'000});
  GroupMemberPlayer player(at, 1);
  player.join_now();
  const std::string large(18'000, 'a'), larger(30'000, 'a');
  const auto assign = [&](const std::string& bytes) {
    const std::vector<GroupAssignment> assignments = {{player.id, bytes_of(bytes)}};
    return player.sync_now(assignments).error;
  };
  CHECK(assign(larger) == ErrorCode::limit_reached);
  CHECK(assign(large) == ErrorCode::none);
  GroupMemberPlayer other(at, 2);
  other.group = "another";
  other.protocols = {{"range", std::string(4'000, 'x')}};
  CHECK(other.join_now().error == ErrorCode::limit_reached);
  CHECK(player.join_now().error == ErrorCode::none);
  CHECK(other.join_now().error == ErrorCode::none);
}

}  // namespace tandem::core
