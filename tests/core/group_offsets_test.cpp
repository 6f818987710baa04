#include "tests/core/group_fixture.h"

namespace tandem::core {
namespace {

constexpr DurationMs day = 24 * 3'600'000;

CommitOffsets commit_of(const std::vector<OffsetCommitEntry>& entries) {
  return {.who = TopicFixture::caller(), .group = "billing", .entries = entries};
}

std::vector<FetchedOffset> all_offsets(TopicFixture& at) {
  return at.ask<OffsetsFetched>(FetchOffsets{.who = at.caller(), .group = "billing", .all = true}).offsets;
}

}  // namespace

TEST_CASE("a client without membership commits and fetches offsets, and they survive a restart") {
  TopicFixture at;
  at.create("orders", 2);
  at.create("payments");
  const std::vector<OffsetCommitEntry> entries = {
      {.topic = "orders", .partition = 1, .offset = 4, .leader_epoch = 3, .metadata = "note"},
      {.topic = "payments", .offset = 9}};
  at.give(commit_of(entries));
  CHECK_FALSE(at.has<OffsetsCommittedOk>());
  at.persist();
  CHECK(at.take<OffsetsCommittedOk>().errors == std::vector{ErrorCode::none, ErrorCode::none});
  at.restart();

  const std::vector<FetchOffsetEntry> asked = {{"orders", 1}, {"orders", 0}, {"nothing", 0}};
  const auto some =
      at.ask<OffsetsFetched>(FetchOffsets{.who = at.caller(), .group = "billing", .entries = asked}).offsets;
  REQUIRE(some.size() == 3);
  CHECK(some[0].offset == 4);
  CHECK(some[0].leader_epoch == 3);
  CHECK(some[0].metadata == "note");
  CHECK(some[1].offset == -1);
  CHECK(some[2].offset == -1);
  CHECK(some[2].topic == "nothing");
  CHECK(all_offsets(at).size() == 2);
}

TEST_CASE("an offset that is not on disk yet is not shown either") {
  TopicFixture at;
  at.create("orders");
  const std::vector<OffsetCommitEntry> entries = {{.topic = "orders", .offset = 4}};
  at.give(commit_of(entries));
  at.give(FetchOffsets{.who = at.caller(9), .group = "billing", .all = true});
  CHECK_FALSE(at.has<OffsetsFetched>());
  at.persist();
  CHECK(at.take<OffsetsFetched>().offsets[0].offset == 4);
}

TEST_CASE("each entry of a commit is judged for itself") {
  TopicFixture at;
  at.create("orders");
  const std::string long_note(4097, 'n');
  const std::vector<OffsetCommitEntry> entries = {{.topic = "orders", .offset = 1},
                                                  {.topic = "payments", .offset = 1},
                                                  {.topic = "orders", .partition = 1, .offset = 1},
                                                  {.topic = "orders", .offset = 2, .metadata = long_note}};
  CHECK(at.ask<OffsetsCommittedOk>(commit_of(entries)).errors ==
        std::vector{ErrorCode::none, ErrorCode::not_found, ErrorCode::not_found, ErrorCode::too_large});
  CHECK(all_offsets(at)[0].offset == 1);
}

TEST_CASE("a negative offset is kept and given back as it came, behind a restart too") {
  TopicFixture at;
  at.create("orders", 2);
  const std::vector<OffsetCommitEntry> read = {{.topic = "orders", .offset = 4}};
  at.ask<OffsetsCommittedOk>(commit_of(read));
  const std::vector<OffsetCommitEntry> marks = {{.topic = "orders", .offset = -2},
                                                {.topic = "orders", .partition = 1, .offset = -1}};
  CHECK(at.ask<OffsetsCommittedOk>(commit_of(marks)).errors == std::vector{ErrorCode::none, ErrorCode::none});
  at.restart();
  REQUIRE(all_offsets(at).size() == 2);
  CHECK(all_offsets(at)[0].offset == -2);
  CHECK(all_offsets(at)[1].offset == -1);
  at.ask<OffsetsCommittedOk>(commit_of(read));
  CHECK(all_offsets(at)[0].offset == 4);
}

TEST_CASE("a member commits with its generation, and outsiders do not while there are members") {
  TopicFixture at;
  at.create("orders");
  StablePair group(at);
  CHECK(group.first.commit(3) == ErrorCode::none);
  group.first.generation -= 1;
  CHECK(group.first.commit(4) == ErrorCode::illegal_generation);
  group.first.generation += 1;
  const std::vector<OffsetCommitEntry> entries = {{.topic = "orders", .offset = 5}};
  CHECK(at.ask<OffsetsCommittedOk>(commit_of(entries)).errors == std::vector{ErrorCode::unknown_member});
  CHECK(all_offsets(at)[0].offset == 3);
}

TEST_CASE("a member of before a restart commits what it had read") {
  TopicFixture at;
  at.create("orders");
  StablePair group(at);
  CHECK(group.first.commit(3) == ErrorCode::none);
  at.restart();
  CHECK(group.first.commit(4) == ErrorCode::none);
  CHECK(all_offsets(at)[0].offset == 4);
}

TEST_CASE("members may commit while others join, but not between join and assignment") {
  TopicFixture at;
  at.create("orders");
  StablePair group(at);
  GroupMemberPlayer third(at, 13);
  third.join();
  CHECK(group.first.commit(3) == ErrorCode::none);
  group.first.join();
  group.second.join();
  group.first.joined();
  CHECK(group.first.commit(4) == ErrorCode::rebalance_in_progress);
}

TEST_CASE("a commit counts as a sign of life") {
  TopicFixture at;
  at.create("orders");
  GroupMemberPlayer member(at, 11);
  member.join_now();
  member.sync_now();
  for (int i = 0; i < 5; ++i) {
    at.tick_after(6'000);
    CHECK(member.commit(i) == ErrorCode::none);
  }
  CHECK(member.heartbeat() == ErrorCode::none);
}

TEST_CASE("offsets are deleted only while the group has no members") {
  TopicFixture at;
  at.create("orders");
  GroupMemberPlayer member(at, 11);
  member.join_now();
  member.sync_now();
  member.commit(3);
  const std::vector<FetchOffsetEntry> asked = {{"orders", 0}, {"payments", 0}};
  const DeleteOffsets request{at.caller(), "billing", asked};
  CHECK(at.ask<OffsetsDeletedOk>(request).errors == std::vector{ErrorCode::in_use, ErrorCode::not_found});
  member.leave();
  CHECK(at.ask<OffsetsDeletedOk>(request).errors == std::vector{ErrorCode::none, ErrorCode::not_found});
  CHECK(all_offsets(at).empty());
  const DeleteOffsets other{at.caller(), "no such group", asked};
  CHECK(at.ask<OffsetsDeletedOk>(other).errors == std::vector{ErrorCode::not_found, ErrorCode::not_found});
}

TEST_CASE("offsets of topics that no member subscribes to are deleted though the group has members") {
  using namespace std::string_literals;
  TopicFixture at;
  at.create("orders");
  at.create("payments");
  GroupMemberPlayer member(at, 11);
  member.protocols = {{"range", "\0\1\0\0\0\1\0\6orders\xff\xff\xff\xff"s}};
  member.join_now();
  member.sync_now();
  member.commit(3);
  const std::vector<FetchOffsetEntry> asked = {{"orders", 0}, {"payments", 0}};
  const DeleteOffsets request{at.caller(), "billing", asked};
  CHECK(at.ask<OffsetsDeletedOk>(request).errors == std::vector{ErrorCode::in_use, ErrorCode::none});
  CHECK(all_offsets(at).size() == 1);
}

TEST_CASE("a group is deleted only without members, and then it is gone with its offsets") {
  TopicFixture at;
  at.create("orders");
  GroupMemberPlayer member(at, 11);
  member.join_now();
  member.sync_now();
  member.commit(3);
  CHECK(at.ask<Refused>(DeleteGroup{at.caller(), "billing"}).refusal.code == ErrorCode::not_empty);
  member.leave();
  at.ask<Ok>(DeleteGroup{at.caller(), "billing"});
  CHECK(all_offsets(at).empty());
  CHECK(at.ask<Refused>(DeleteGroup{at.caller(), "billing"}).refusal.code == ErrorCode::not_found);
  CHECK(at.ask<Described>(Describe{at.caller(), Subject::groups, ""}).groups.empty());
}

TEST_CASE("offsets of a client without membership go a week after each was committed") {
  TopicFixture at;
  at.create("orders", 2);
  const std::vector<OffsetCommitEntry> first = {{.topic = "orders", .partition = 0, .offset = 1}};
  const std::vector<OffsetCommitEntry> second = {{.topic = "orders", .partition = 1, .offset = 1}};
  at.ask<OffsetsCommittedOk>(commit_of(first));
  at.tick_after(3 * day);
  at.ask<OffsetsCommittedOk>(commit_of(second));
  at.tick_after(4 * day);
  REQUIRE(all_offsets(at).size() == 1);
  CHECK(all_offsets(at)[0].partition == 1);
  at.tick_after(3 * day);
  CHECK(all_offsets(at).empty());
  CHECK(at.ask<Described>(Describe{at.caller(), Subject::groups, ""}).groups.empty());
}

TEST_CASE("offsets of a group with members stay, and go a week after the last one left") {
  TopicFixture at;
  at.create("orders");
  GroupMemberPlayer member(at, 11);
  member.session_timeout = 1'800'000;
  member.join_now();
  member.sync_now();
  member.commit(3);
  for (int i = 0; i < 8 * 48; ++i) {
    at.tick_after(day / 48 - 1);
    REQUIRE(member.heartbeat() == ErrorCode::none);
  }
  CHECK(all_offsets(at).size() == 1);
  member.leave();
  at.tick_after(6 * day);
  CHECK(all_offsets(at).size() == 1);
  at.tick_after(day);
  CHECK(all_offsets(at).empty());
}

TEST_CASE("after a restart a group without members is given its week anew") {
  TopicFixture at;
  at.create("orders");
  GroupMemberPlayer member(at, 11);
  member.join_now();
  member.sync_now();
  member.commit(3);
  member.leave();
  at.restart(at.now + 8 * day);
  at.tick_after(0);
  CHECK(all_offsets(at).size() == 1);
  at.tick_after(7 * day);
  CHECK(all_offsets(at).empty());
}

TEST_CASE("a group is described with its offsets and where its partitions end") {
  TopicFixture at;
  at.create("orders");
  at.append("orders", 0, at.batch(5));
  const std::vector<OffsetCommitEntry> entries = {{.topic = "orders", .offset = 2, .metadata = "m"}};
  at.ask<OffsetsCommittedOk>(commit_of(entries));
  const GroupInfo info = at.describe_group("billing");
  CHECK(info.state == "Empty");
  REQUIRE(info.offsets.size() == 1);
  CHECK(info.offsets[0].topic == "orders");
  CHECK(info.offsets[0].committed == 2);
  CHECK(info.offsets[0].end == 5);
  CHECK(info.offsets[0].committed_at == at.now);
}

TEST_CASE("what is committed of all groups together is bounded, and what is there moves on") {
  TopicFixture at(BrokerOptions{.offsets_size_max_bytes = 10'000});
  at.create("orders", 4);
  const std::string note(4'000, 'n');
  const auto commit = [&at](std::string_view group, PartitionIndex partition, Offset offset, std::string_view metadata) {
    const std::vector<OffsetCommitEntry> entries = {
        {.topic = "orders", .partition = partition, .offset = offset, .metadata = metadata}};
    return at.ask<OffsetsCommittedOk>(CommitOffsets{.who = at.caller(), .group = group, .entries = entries}).errors.at(0);
  };
  CHECK(commit("a", 0, 1, note) == ErrorCode::none);
  CHECK(commit("a", 1, 1, note) == ErrorCode::none);
  CHECK(commit("b", 0, 1, note) == ErrorCode::none);  // the last that begins below the limit
  CHECK(commit("b", 1, 1, "") == ErrorCode::limit_reached);
  CHECK(commit("c", 0, 1, "") == ErrorCode::limit_reached);
  CHECK(commit("b", 0, 2, note) == ErrorCode::none);
  CHECK(commit("b", 0, 3, note + "n") == ErrorCode::limit_reached);
  CHECK(commit("a", 0, 4, "") == ErrorCode::none);  // it made room
  CHECK(commit("c", 0, 1, note) == ErrorCode::none);
  CHECK(commit("c", 1, 1, "") == ErrorCode::limit_reached);
  at.ask<Ok>(DeleteGroup{at.caller(), "a"});
  CHECK(commit("c", 1, 1, "") == ErrorCode::none);
}

}  // namespace tandem::core
