// Members of a group, against a script that plays the coordinator.
#include <doctest/doctest.h>

#include <asio/use_future.hpp>
#include <map>

#include "client/assignment.h"
#include "tandem/appender.h"
#include "tandem/group_consumer.h"
#include "tests/client/fake_topics.h"

using namespace tandem;
using namespace tandem::testing;
using namespace std::chrono_literals;

namespace {

/// A coordinator of one member, which is its leader.
struct FakeGroup {
  FakeTopics topics{"t", 2};
  std::mutex mutex;
  std::vector<std::string> log;
  std::map<std::int32_t, Offset> committed;
  std::int32_t generation = 0;
  ErrorCode next_beat = ErrorCode::none;
  ErrorCode next_join = ErrorCode::none;

  void operator()(FakeBroker& broker, const fb::Envelope& said, Bytes payload) {
    std::unique_lock lock(mutex);
    if (const auto* join = said.message_as_JoinGroup()) return take_join(broker, said, *join);
    if (const auto* sync = said.message_as_SyncGroup()) {
      log.push_back("sync");
      const auto& share = *sync->assignments()->Get(0)->assignment();
      const std::vector<std::uint8_t> assignment(share.begin(), share.end());
      return broker.answer(said, [&](auto& b) { return fb::CreateSyncedDirect(b, 0, &assignment); });
    }
    if (said.message_as_HeartbeatGroup()) {
      const auto code = std::exchange(next_beat, ErrorCode::none);
      return broker.answer(
          said, [&](auto& b) { return fb::CreateGroupHeartbeatOk(b, static_cast<std::uint16_t>(code)); });
    }
    if (said.message_as_LeaveGroup()) {
      log.push_back("leave");
      return broker.answer(said, [](auto& b) { return fb::CreateGroupLeft(b, 0); });
    }
    if (const auto* commit = said.message_as_CommitOffsets()) {
      std::vector<std::uint16_t> codes;
      for (const auto* entry : *commit->entries()) {
        const bool stale = commit->generation() != generation;
        codes.push_back(static_cast<std::uint16_t>(stale ? ErrorCode::illegal_generation : ErrorCode::none));
        if (!stale) committed[entry->partition()] = entry->offset();
      }
      log.push_back("commit");
      return broker.answer(said, [&](auto& b) { return fb::CreateOffsetsCommittedDirect(b, &codes); });
    }
    if (const auto* fetch = said.message_as_FetchOffsets())
      return broker.answer(said, [&](flatbuffers::FlatBufferBuilder& b) {
        std::vector<flatbuffers::Offset<fb::FetchedOffset>> offsets;
        for (const auto* entry : *fetch->entries()) {
          const auto known = committed.find(entry->partition());
          offsets.push_back(fb::CreateFetchedOffsetDirect(b, "t", entry->partition(),
                                                          known == committed.end() ? -1 : known->second, ""));
        }
        return fb::CreateOffsetsFetchedDirect(b, &offsets);
      });
    lock.unlock();
    topics(broker, said, payload);
  }

  void take_join(FakeBroker& broker, const fb::Envelope& said, const fb::JoinGroup& join) {
    log.push_back("join '" + join.member()->str() + "'");
    const auto refusal = std::exchange(next_join, ErrorCode::none);
    const auto first = join.member()->size() == 0;
    const auto code = refusal != ErrorCode::none ? refusal
                      : first                    ? ErrorCode::member_id_required
                                                 : ErrorCode::none;
    if (code == ErrorCode::none) ++generation;
    broker.answer(said, [&](flatbuffers::FlatBufferBuilder& b) {
      const auto& metadata = *join.protocols()->Get(0)->metadata();
      const std::vector<std::uint8_t> bytes(metadata.begin(), metadata.end());
      std::vector<flatbuffers::Offset<fb::GroupMember>> members;
      members.push_back(fb::CreateGroupMemberDirect(b, "me", "", "", "", &bytes));
      return fb::CreateJoinedDirect(b, static_cast<std::uint16_t>(code), generation, "range", "me", "me",
                                    &members);
    });
  }
  std::size_t count(const std::string& what) {
    std::lock_guard lock(mutex);
    return static_cast<std::size_t>(std::count(log.begin(), log.end(), what));
  }
};

struct GroupRig {
  FakeGroup group;
  FakeBroker broker{
      [this](FakeBroker& self, const fb::Envelope& said, Bytes payload) { group(self, said, payload); }};
  Client client;
  TopicAppender appender;

  GroupRig() {
    auto connected = Client::connect(broker.options());
    REQUIRE(connected);
    client = *connected;
    appender = TopicAppender::open(client, {.topic = "t"}).value();
  }
  GroupConsumer join(GroupOptions options = {}) {
    options.group = "g";
    options.topics = {"t"};
    options.heartbeat_interval = 5ms;
    auto consumer = GroupConsumer::open(client, options);
    REQUIRE(consumer);
    return *consumer;
  }
  void append(std::int32_t partition, const std::string& value) {
    REQUIRE(appender.append({.value = value, .partition = partition}));
  }
  static std::vector<std::string> poll(GroupConsumer& consumer, std::size_t count) {
    std::vector<std::string> values;
    while (values.size() < count) {
      auto records = consumer.poll(count - values.size(), 5s);
      REQUIRE(records);
      for (const auto& record : *records) values.emplace_back(*record.value);
    }
    return values;
  }
};

}  // namespace

TEST_CASE("a member joins with the id it is given, shares out as the leader, and reads from the beginning") {
  GroupRig rig;
  rig.append(0, "a");
  rig.append(0, "b");
  auto consumer = rig.join();
  CHECK(GroupRig::poll(consumer, 2) == std::vector<std::string>{"a", "b"});
  CHECK(rig.group.log == std::vector<std::string>{"join ''", "join 'me'", "sync"});
  CHECK(consumer.member() == "me");
  CHECK(consumer.generation() == 1);
  CHECK(consumer.assignment() == std::vector<TopicPartition>{{"t", 0}, {"t", 1}});
}

TEST_CASE("a commit keeps what polls gave, and the next member goes on from there") {
  GroupRig rig;
  for (const auto* value : {"0", "1", "2"}) rig.append(1, value);
  {
    auto consumer = rig.join();
    CHECK(GroupRig::poll(consumer, 2) == std::vector<std::string>{"0", "1"});
    REQUIRE(consumer.commit());
    CHECK(rig.group.committed[1] == 2);
    REQUIRE(consumer.close());
    CHECK(rig.group.count("leave") == 1);
    CHECK(consumer.poll(1, 5s).error().code == ErrorCode::unavailable);
  }
  auto next = rig.join();
  CHECK(GroupRig::poll(next, 1) == std::vector<std::string>{"2"});
}

TEST_CASE("explicit positions are committed as they are") {
  GroupRig rig;
  rig.append(0, "a");
  auto consumer = rig.join();
  CHECK(consumer.commit().error().code == ErrorCode::rebalance_in_progress);  // not a member yet
  GroupRig::poll(consumer, 1);
  REQUIRE(consumer.commit({{"t", 0, 1}}));
  CHECK(rig.group.committed[0] == 1);
}

TEST_CASE("a rebalance revokes, joins again and goes on") {
  GroupRig rig;
  std::atomic<int> revoked{0}, assigned{0};
  GroupOptions options;
  options.auto_commit = true;
  options.on_revoked = [&](const std::vector<TopicPartition>& partitions) {
    CHECK(partitions.size() == 2);
    ++revoked;
  };
  options.on_assigned = [&](const std::vector<Position>&) { ++assigned; };
  auto consumer = rig.join(options);
  rig.append(0, "a");
  CHECK(GroupRig::poll(consumer, 1) == std::vector<std::string>{"a"});
  {
    std::lock_guard lock(rig.group.mutex);
    rig.group.next_beat = ErrorCode::rebalance_in_progress;
  }
  auto waiting = consumer.poll(1, 5s, asio::use_future);
  REQUIRE(rig.broker.wait_for([&] { return rig.group.count("sync") == 2; }));
  rig.append(0, "b");
  const auto records = waiting.get();
  REQUIRE(records);
  REQUIRE(records->size() == 1);
  CHECK(*(*records)[0].value == "b");  // "a" was committed before the join
  CHECK(revoked == 1);
  CHECK(assigned == 2);
  CHECK(consumer.generation() == 2);
}

TEST_CASE("a member that the coordinator has forgotten joins as a new one") {
  GroupRig rig;
  auto consumer = rig.join();
  rig.append(0, "a");
  GroupRig::poll(consumer, 1);
  {
    std::lock_guard lock(rig.group.mutex);
    rig.group.next_beat = ErrorCode::unknown_member;
  }
  auto waiting = consumer.poll(1, 5s, asio::use_future);
  CHECK(rig.broker.wait_for([&] { return rig.group.count("join ''") == 2; }));
  CHECK(waiting.get());
}

TEST_CASE("a member whose instance name was taken over says so") {
  GroupRig rig;
  GroupOptions options;
  options.instance = "one";
  auto consumer = rig.join(options);
  rig.append(0, "a");
  GroupRig::poll(consumer, 1);
  {
    std::lock_guard lock(rig.group.mutex);
    rig.group.next_beat = ErrorCode::fenced;
  }
  CHECK(consumer.poll(1, 5s).error().code == ErrorCode::fenced);
}

TEST_CASE("a refused join is what poll says, and the next poll tries again") {
  GroupRig rig;
  rig.group.next_join = ErrorCode::inconsistent_protocol;
  auto consumer = rig.join();
  CHECK(consumer.poll(1, 5s).error().code == ErrorCode::inconsistent_protocol);
  rig.append(0, "a");
  CHECK(GroupRig::poll(consumer, 1) == std::vector<std::string>{"a"});
}

TEST_CASE("a stale commit says that the partitions may be another's, and the member joins again") {
  GroupRig rig;
  auto consumer = rig.join();
  rig.append(0, "a");
  GroupRig::poll(consumer, 1);
  {
    std::lock_guard lock(rig.group.mutex);
    ++rig.group.generation;
  }
  CHECK(consumer.commit().error().code == ErrorCode::illegal_generation);
  rig.append(0, "b");
  CHECK(GroupRig::poll(consumer, 2) == std::vector<std::string>{"a", "b"});  // from the last commit: none
}

TEST_CASE("a member that is not polled gives up its partitions and joins with the next poll") {
  GroupRig rig;
  GroupOptions options;
  options.rebalance_timeout = 30ms;
  auto consumer = rig.join(options);
  rig.append(0, "a");
  GroupRig::poll(consumer, 1);
  REQUIRE(rig.broker.wait_for([&] { return rig.group.count("leave") == 1; }));
  CHECK(consumer.assignment().empty());
  CHECK(GroupRig::poll(consumer, 1) == std::vector<std::string>{"a"});
}

TEST_CASE("one poll at a time") {
  GroupRig rig;
  auto consumer = rig.join();
  auto first = consumer.poll(1, 50ms, asio::use_future);
  CHECK(consumer.poll(1, 1ms).error().code == ErrorCode::wrong_state);
  CHECK(first.get()->empty());
}
