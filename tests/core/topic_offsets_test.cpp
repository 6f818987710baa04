#include "tests/core/topic_fixture.h"

namespace tandem::core {
namespace {

ListOffset list(std::int64_t at) {
  return {.who = TopicFixture::caller(), .topic = "orders", .at = at};
}
TrimTopic trim(Offset offset) {
  return {.who = TopicFixture::caller(), .topic = "orders", .offset = offset};
}

}  // namespace

TEST_CASE("the earliest and latest offsets are known here, timestamps are looked up by storage") {
  TopicFixture at;
  at.create("orders");
  at.append("orders", 0, at.batch(5));
  at.ask<TrimmedOk>(trim(2));
  CHECK(at.ask<OffsetListed>(list(-1)).offset == 5);
  CHECK(at.ask<OffsetListed>(list(-2)).offset == 2);
  CHECK(at.ask<OffsetListed>(list(-3)).want_max_timestamp);
  const auto looked_up = at.ask<OffsetListed>(list(1234));
  CHECK(looked_up.lookup == 1234);
  CHECK(looked_up.start == 2);
  CHECK(looked_up.end == 5);
  CHECK(at.ask<Refused>(list(-4)).refusal.code == ErrorCode::invalid_argument);
}

TEST_CASE("the latest offset is the visible one") {
  TopicFixture at;
  at.create("orders");
  at.append("orders");
  at.give(Append{.who = at.caller(2), .topic = "orders", .batch = at.batch()});
  at.give(list(-1));
  CHECK(at.take<OffsetListed>().offset == 1);
}

TEST_CASE("trimming moves the start, never back and never past the visible end") {
  TopicFixture at;
  at.create("orders");
  at.append("orders", 0, at.batch(10, 1000));
  CHECK(at.ask<TrimmedOk>(trim(4)).start == 4);
  CHECK(at.describe_topic("orders").partitions[0].size_bytes == 600);
  CHECK(at.ask<TrimmedOk>(trim(3)).start == 4);
  CHECK(at.ask<Refused>(trim(11)).refusal.code == ErrorCode::out_of_range);
  CHECK(at.ask<Refused>(trim(-2)).refusal.code == ErrorCode::out_of_range);
  at.give(Append{.who = at.caller(2), .topic = "orders", .batch = at.batch()});
  CHECK(at.ask<TrimmedOk>(trim(-1)).start == 10);
  CHECK(at.ask<TrimmedOk>(trim(-1)).start == 11);
  CHECK(at.describe_topic("orders").partitions[0].size_bytes == 0);
}

TEST_CASE("what storage freed by retention moves the start, and stale reports do not") {
  TopicFixture at;
  at.create("orders");
  at.append("orders", 0, at.batch(10));
  const PartitionId partition{at.describe_topic("orders").topic.id, 0};
  at.give_and_persist(RetentionDue{partition, 6});
  at.give_and_persist(RetentionDue{partition, 5});
  at.give_and_persist(RetentionDue{partition, 100});
  at.give_and_persist(RetentionDue{PartitionId{TopicId(99), 0}, 5});
  CHECK(at.describe_topic("orders").partitions[0].start == 6);
}

TEST_CASE("a checkpoint has the state of each partition that changed since the last one") {
  TopicFixture at;
  at.create("orders", 3);
  at.append("orders", 0);
  at.append("orders", 2, at.batch(4));
  at.checkpoint();
  CHECK(at.homes().size() == 2);
  at.append("orders", 2);
  at.ask<TrimmedOk>(TrimTopic{.who = at.caller(), .topic = "orders", .partition = 2, .offset = 3});
  at.give(CheckpointBegun{});
  const auto second = at.take<CheckpointState>();
  const auto is_partition = [](const Record& record) {
    return std::holds_alternative<PartitionState>(record);
  };
  CHECK(std::count_if(second.states.begin(), second.states.end(), is_partition) == 1);
  const auto state =
      std::get<PartitionState>(*std::find_if(second.states.begin(), second.states.end(), is_partition));
  CHECK(state.partition.index == 2);
  CHECK(state.start == 3);
  CHECK(state.end == 5);
}

TEST_CASE("a restart from a checkpoint and the records behind it finds the same topics") {
  TopicFixture at;
  at.create("orders", 2);
  at.append("orders", 0, at.sequenced(7, 0, 0, 3));
  at.checkpoint();
  at.append("orders", 0, at.sequenced(7, 0, 3));
  at.append("orders", 1);
  at.restart();
  CHECK(at.describe_topic("orders").partitions[0].end == 4);
  CHECK(at.append("orders", 0, at.sequenced(7, 0, 4)) == 4);
}

}  // namespace tandem::core
