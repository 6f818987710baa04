#include "tests/core/topic_fixture.h"

#include <limits>

namespace tandem::core {
namespace {

struct Poll {
  std::vector<FetchPartition> partitions;
  Fetch input(DurationMs wait, std::uint32_t min_bytes = 1) const {
    return {.who = TopicFixture::caller(),
            .partitions = partitions,
            .size_min_bytes = min_bytes,
            .size_max_bytes = 1 << 20,
            .wait_max = wait};
  }
};

Append append_of(std::string_view topic, PartitionIndex partition, const BatchView& batch) {
  return {.who = TopicFixture::caller(2), .topic = topic, .partition = partition, .batch = batch};
}

}  // namespace

TEST_CASE("a fetch shows nothing that is not on disk") {
  TopicFixture at;
  at.create("orders");
  at.append("orders");
  at.give(append_of("orders", 0, at.batch(2)));
  const Poll poll{{{.topic = "orders", .offset = 0}}};
  at.give(poll.input(0));
  CHECK(at.take<Fetched>().partitions[0].visible_end == 1);
  at.persist();
  at.give(poll.input(0));
  CHECK(at.take<Fetched>().partitions[0].visible_end == 3);
}

TEST_CASE("a fetch at the end waits and is woken by what becomes visible") {
  TopicFixture at;
  at.create("orders");
  const Poll poll{{{.topic = "orders", .offset = 0, .size_max_bytes = 5000}}};
  at.give(poll.input(1000));
  CHECK_FALSE(at.has<Fetched>());
  at.give(append_of("orders", 0, at.batch(2)));
  CHECK_FALSE(at.has<Fetched>());
  at.persist();
  const auto fetched = at.take<Fetched>();
  REQUIRE(fetched.partitions.size() == 1);
  CHECK(fetched.size_max_bytes == 1 << 20);
  CHECK(fetched.partitions[0].topic == "orders");
  CHECK(fetched.partitions[0].size_max_bytes == 5000);
  CHECK(fetched.partitions[0].visible_end == 2);
}

TEST_CASE("a fetch by uuid reads the topic that has it, whatever name is with it") {
  TopicFixture at;
  at.create("orders");
  at.append("orders");
  const TopicCreated facts = at.describe_topic("orders").topic;
  const Poll poll{{{.topic = "other", .uuid_high = facts.uuid_high, .uuid_low = facts.uuid_low}}};
  at.give(poll.input(0));
  const auto fetched = at.take<Fetched>().partitions.at(0);
  CHECK(fetched.error == ErrorCode::none);
  CHECK(fetched.topic == "orders");
  CHECK(fetched.visible_end == 1);
}

TEST_CASE("the uuid of a topic that was deleted is unknown, also when its name is taken again") {
  TopicFixture at;
  at.create("orders");
  const TopicCreated facts = at.describe_topic("orders").topic;
  at.give(DeleteTopic{TopicFixture::caller(), "orders"});
  at.persist();
  at.create("orders");
  const Poll poll{{{.topic = "orders", .uuid_high = facts.uuid_high, .uuid_low = facts.uuid_low}}};
  at.give(poll.input(1000));
  const auto fetched = at.take<Fetched>().partitions.at(0);
  CHECK(fetched.error == ErrorCode::not_found);
  CHECK_FALSE(fetched.partition.topic);
}

TEST_CASE("a fetch waits until it has its minimum of bytes, over all its partitions") {
  TopicFixture at;
  at.create("orders", 2);
  const Poll poll{{{.topic = "orders", .partition = 0}, {.topic = "orders", .partition = 1}}};
  at.give(poll.input(1000, 300));
  for (const PartitionIndex partition : {0, 1}) {
    at.append("orders", partition);
    CHECK_FALSE(at.has<Fetched>());
  }
  at.append("orders", 0);
  const auto fetched = at.take<Fetched>();
  CHECK(fetched.partitions[0].visible_end == 2);
  CHECK(fetched.partitions[1].visible_end == 1);
}

TEST_CASE("bytes before the fetch's offset and beyond its limit per partition do not count") {
  TopicFixture at;
  at.create("orders");
  at.append("orders");
  at.append("orders");
  at.give(Poll{{{.topic = "orders", .offset = 1}}}.input(1000, 200));
  at.give(Poll{{{.topic = "orders", .offset = 0, .size_max_bytes = 150}}}.input(1000, 200));
  CHECK_FALSE(at.has<Fetched>());
  at.append("orders");
  CHECK(at.take<Fetched>().partitions[0].offset == 1);
  CHECK_FALSE(at.has<Fetched>());
}

TEST_CASE("a fetch that waited long enough is answered with what there is") {
  TopicFixture at;
  at.create("orders");
  at.append("orders");
  at.give(Poll{{{.topic = "orders", .offset = 1}}}.input(500));
  CHECK(at.broker().next_due() == at.now + 500);
  at.tick_after(499);
  CHECK_FALSE(at.has<Fetched>());
  at.tick_after(1);
  const auto fetched = at.take<Fetched>();
  CHECK(fetched.partitions[0].error == ErrorCode::none);
  CHECK(fetched.partitions[0].visible_end == 1);
}

TEST_CASE("a wait without end is no overflow") {
  TopicFixture at;
  at.create("orders");
  at.give(Poll{{{.topic = "orders"}}}.input(std::numeric_limits<DurationMs>::max()));
  at.tick_after(1'000'000);
  CHECK_FALSE(at.has<Fetched>());
  at.append("orders");
  CHECK(at.has<Fetched>());
}

TEST_CASE("a reader that is far behind does not wait, whatever its minimum") {
  TopicFixture at;
  at.create("orders");
  for (int i = 0; i < 70; ++i) at.append("orders", 0, at.batch(1, 10));
  at.give(Poll{{{.topic = "orders", .offset = 0}}}.input(1000, 100'000));
  CHECK(at.has<Fetched>());
  at.sends.clear();
  at.give(Poll{{{.topic = "orders", .offset = 60}}}.input(1000, 101));
  CHECK_FALSE(at.has<Fetched>());
  at.append("orders", 0, at.batch(1, 10));
  CHECK(at.has<Fetched>());
}

TEST_CASE("an offset outside of the partition and a partition that is not there are told at once") {
  TopicFixture at;
  at.create("orders");
  at.append("orders", 0, at.batch(5));
  at.ask<TrimmedOk>(TrimTopic{.who = at.caller(), .topic = "orders", .offset = 2});
  const Poll poll{{{.topic = "orders", .offset = 1},
                   {.topic = "orders", .offset = 6},
                   {.topic = "orders", .offset = 5},
                   {.topic = "orders", .partition = 1},
                   {.topic = "payments"}}};
  at.give(poll.input(1000));
  const auto fetched = at.take<Fetched>();
  REQUIRE(fetched.partitions.size() == 5);
  CHECK(fetched.partitions[0].error == ErrorCode::out_of_range);
  CHECK(fetched.partitions[0].start == 2);
  CHECK(fetched.partitions[0].high_watermark == 5);
  CHECK(fetched.partitions[1].error == ErrorCode::out_of_range);
  CHECK(fetched.partitions[2].error == ErrorCode::none);
  CHECK(fetched.partitions[3].error == ErrorCode::not_found);
  CHECK(fetched.partitions[4].error == ErrorCode::not_found);
}

TEST_CASE("deleting a topic answers the fetches that wait for it") {
  TopicFixture at;
  at.create("orders");
  at.give(Poll{{{.topic = "orders"}}}.input(1000));
  at.give(DeleteTopic{at.caller(2), "orders"});
  CHECK_FALSE(at.has<Fetched>());
  at.persist();
  CHECK(at.take<Fetched>().partitions[0].error == ErrorCode::not_found);
}

TEST_CASE("a fetch whose connection or channel closes is forgotten") {
  TopicFixture at;
  at.create("orders");
  const Poll poll{{{.topic = "orders"}}};
  at.give(poll.input(1000));
  at.give(ConnectionClosed{ConnectionId(1)});
  Fetch other = poll.input(1000);
  other.who = at.caller(3, 2);
  at.give(other);
  at.give(ChannelClosed{at.caller(3, 2)});
  at.sends.clear();
  at.append("orders");
  at.tick_after(2000);
  CHECK_FALSE(at.has<Fetched>());
}

TEST_CASE("many fetches of one partition are all woken, oldest first") {
  TopicFixture at;
  at.create("orders");
  const Poll poll{{{.topic = "orders"}}};
  for (std::uint64_t connection = 10; connection < 20; ++connection) {
    Fetch fetch = poll.input(1000);
    fetch.who = at.caller(connection);
    at.give(fetch);
  }
  at.append("orders");
  for (std::uint64_t connection = 10; connection < 20; ++connection)
    CHECK(at.take<Fetched>().who.channel.connection == ConnectionId(connection));
}

TEST_CASE("one fetch may not name more partitions than the limit") {
  TopicFixture at;
  at.create("orders");
  const Poll poll{std::vector<FetchPartition>(10'001, FetchPartition{.topic = "orders"})};
  CHECK(at.ask<Refused>(poll.input(0)).refusal.code == ErrorCode::limit_reached);
}

TEST_CASE("after a restart all that was on disk is visible") {
  TopicFixture at;
  at.create("orders");
  at.append("orders", 0, at.batch(4));
  at.restart();
  at.give(Poll{{{.topic = "orders", .offset = 1}}}.input(1000, 1'000'000));
  CHECK(at.take<Fetched>().partitions[0].visible_end == 4);
}

}  // namespace tandem::core
