#include "tests/core/topic_fixture.h"

#include <limits>

#include "broker/core/topic.h"

namespace tandem::core {
namespace {

constexpr std::int32_t sequence_last = std::numeric_limits<std::int32_t>::max();

Append append_of(const BatchView& batch, std::uint64_t connection = 1) {
  return {.who = TopicFixture::caller(connection), .topic = "orders", .batch = batch};
}

ErrorCode refused(TopicFixture& at, const BatchView& batch) {
  return at.ask<Refused>(append_of(batch)).refusal.code;
}

}  // namespace

TEST_CASE("producer ids are given once, also across a restart") {
  TopicFixture at;
  const auto first = at.ask<ProducerOk>(InitProducer{.who = at.caller()});
  const auto second = at.ask<ProducerOk>(InitProducer{.who = at.caller()});
  CHECK(first.epoch == 0);
  CHECK(second.producer_id > first.producer_id);
  at.restart();
  CHECK(at.ask<ProducerOk>(InitProducer{.who = at.caller()}).producer_id > second.producer_id);
}

TEST_CASE("a batch that is sent again is stored once and answered with its first offset") {
  TopicFixture at;
  at.create("orders");
  at.append("orders", 0, at.sequenced(7, 0, 0, 2));
  at.append("orders", 0, at.sequenced(7, 0, 2));
  const auto again = at.ask<AppendedOk>(append_of(at.sequenced(7, 0, 0, 2)));
  CHECK(again.duplicate);
  CHECK(again.base_offset == 0);
  CHECK(at.describe_topic("orders").partitions[0].end == 3);
}

TEST_CASE("a duplicate is not answered before its original is on disk") {
  TopicFixture at;
  at.create("orders");
  at.give(append_of(at.sequenced(7, 0, 0), 1));
  at.give(append_of(at.sequenced(7, 0, 0), 2));
  CHECK_FALSE(at.has<AppendedOk>());
  at.persist();
  CHECK_FALSE(at.take<AppendedOk>().duplicate);
  CHECK(at.take<AppendedOk>().duplicate);
}

TEST_CASE("the last five batches of a producer are known, older ones are duplicates without an offset") {
  TopicFixture at;
  at.create("orders");
  for (std::int32_t sequence = 0; sequence < 6; ++sequence)
    at.append("orders", 0, at.sequenced(7, 0, sequence));
  for (std::int32_t sequence = 1; sequence < 6; ++sequence)
    CHECK(at.append("orders", 0, at.sequenced(7, 0, sequence)) == sequence);
  CHECK(refused(at, at.sequenced(7, 0, 0)) == ErrorCode::duplicate_sequence);
}

TEST_CASE("a gap in the sequence is refused, and so is a batch that overlaps the last one") {
  TopicFixture at;
  at.create("orders");
  at.append("orders", 0, at.sequenced(7, 0, 0, 3));
  CHECK(refused(at, at.sequenced(7, 0, 4)) == ErrorCode::out_of_order_sequence);
  CHECK(refused(at, at.sequenced(7, 0, 2, 2)) == ErrorCode::out_of_order_sequence);
  CHECK(at.append("orders", 0, at.sequenced(7, 0, 3)) == 3);
}

TEST_CASE("an old epoch is fenced; a new one starts at sequence 0") {
  TopicFixture at;
  at.create("orders");
  at.append("orders", 0, at.sequenced(7, 3, 0));
  CHECK(refused(at, at.sequenced(7, 2, 1)) == ErrorCode::fenced);
  CHECK(refused(at, at.sequenced(7, 4, 1)) == ErrorCode::out_of_order_sequence);
  CHECK(at.append("orders", 0, at.sequenced(7, 4, 0)) == 1);
  CHECK(refused(at, at.sequenced(7, 3, 1)) == ErrorCode::fenced);
}

TEST_CASE("a producer of which nothing is known may start at any sequence") {
  TopicFixture at;
  at.create("orders", 2);
  CHECK(at.append("orders", 0, at.sequenced(7, 0, 42)) == 0);
  CHECK(at.append("orders", 1, at.sequenced(7, 0, 17)) == 0);
  CHECK(at.append("orders", 0, at.sequenced(7, 0, 43)) == 1);
}

TEST_CASE("sequences wrap to 0 behind the largest") {
  TopicFixture at;
  at.create("orders");
  at.append("orders", 0, at.sequenced(7, 0, sequence_last - 1, 3));
  CHECK(at.append("orders", 0, at.sequenced(7, 0, 1)) == 3);
  CHECK(at.append("orders", 0, at.sequenced(7, 0, sequence_last - 1, 3)) == 0);
  CHECK(refused(at, at.sequenced(7, 0, sequence_last)) == ErrorCode::duplicate_sequence);
}

TEST_CASE("a batch of a producer without sequence or epoch is refused") {
  TopicFixture at;
  at.create("orders");
  CHECK(refused(at, at.sequenced(7, 0, -1)) == ErrorCode::invalid_argument);
  CHECK(refused(at, at.sequenced(7, -1, 0)) == ErrorCode::invalid_argument);
}

TEST_CASE("duplicates are known after a restart, from the journal and from a checkpoint") {
  TopicFixture at;
  at.create("orders");
  at.append("orders", 0, at.sequenced(7, 0, 0));
  at.append("orders", 0, at.sequenced(7, 0, 1));
  at.restart();
  CHECK(at.append("orders", 0, at.sequenced(7, 0, 1)) == 1);
  at.checkpoint();
  at.restart();
  CHECK(at.append("orders", 0, at.sequenced(7, 0, 0)) == 0);
  CHECK(at.append("orders", 0, at.sequenced(7, 0, 2)) == 2);
  CHECK(at.describe_topic("orders").partitions[0].end == 3);
}

TEST_CASE("a producer that sends nothing for two days of the broker's clock is forgotten, whatever its batches' clocks say") {
  constexpr DurationMs hour = 3'600'000;
  TopicFixture at;
  at.create("orders");
  const auto later = [&](int hours, bool sends) {
    for (int i = 0; i < hours; ++i) {
      at.tick_after(hour);
      if (sends && i % 20 == 19) at.append("orders", 0, at.sequenced(8, 0, i));
      at.sends.clear();
    }
  };
  BatchView from_the_past = at.sequenced(7, 0, 5), from_the_future = at.sequenced(8, 0, 0);
  from_the_past.max_timestamp = 0;
  from_the_future.max_timestamp += 10'000 * hour;
  at.append("orders", 0, from_the_past);
  at.append("orders", 0, from_the_future);
  CHECK(refused(at, at.sequenced(7, 0, 99)) == ErrorCode::out_of_order_sequence);
  later(23, false);
  CHECK(refused(at, at.sequenced(7, 0, 99)) == ErrorCode::out_of_order_sequence);
  later(26, false);
  CHECK(at.append("orders", 0, at.sequenced(7, 0, 99)) == 2);
  SUBCASE("restarted") { at.restart(); }
  CHECK(at.append("orders", 0, at.sequenced(8, 0, 77)) == 3);  // this one too
  later(20, false);
  at.append("orders", 0, at.sequenced(7, 0, 100));
  later(20, false);
  CHECK(refused(at, at.sequenced(7, 0, 200)) == ErrorCode::out_of_order_sequence);  // it was here 20 hours ago
}

TEST_CASE("a partition remembers so many producers and forgets the one that is silent the longest") {
  TopicFixture at;
  at.create("orders");
  const auto count = static_cast<std::int64_t>(Partition::producers_max);
  for (std::int64_t producer = 1; producer <= count; ++producer)
    at.give(append_of(at.sequenced(producer, 0, 5)));
  at.give(append_of(at.sequenced(1, 0, 6)));
  at.give(append_of(at.sequenced(count + 1, 0, 0)));  // 2 is the one that is forgotten
  at.persist();
  at.sends.clear();
  CHECK(refused(at, at.sequenced(1, 0, 99)) == ErrorCode::out_of_order_sequence);
  CHECK(refused(at, at.sequenced(3, 0, 99)) == ErrorCode::out_of_order_sequence);
  CHECK(at.append("orders", 0, at.sequenced(2, 0, 99)) == count + 2);
}

}  // namespace tandem::core
