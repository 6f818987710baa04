#include "tests/core/topic_fixture.h"

namespace tandem::core {
namespace {

Append append_of(std::string_view topic, const BatchView& batch, Offset expected_end = -1) {
  return {.who = TopicFixture::caller(), .topic = topic, .batch = batch, .expected_end = expected_end};
}

Refusal refused_append(TopicFixture& at, const BatchView& batch) {
  return at.ask<Refused>(append_of("orders", batch)).refusal;
}

}  // namespace

TEST_CASE("offsets are dense from 0, each partition its own") {
  TopicFixture at;
  at.create("orders", 2);
  CHECK(at.append("orders", 0, at.batch(3)) == 0);
  CHECK(at.append("orders", 0, at.batch(2)) == 3);
  CHECK(at.append("orders", 1, at.batch(1)) == 0);
  CHECK(at.append("orders", 0, at.batch(1)) == 5);
  const TopicInfo info = at.describe_topic("orders");
  CHECK(info.partitions[0].end == 6);
  CHECK(info.partitions[0].size_bytes == 300);
  CHECK(info.partitions[1].end == 1);
}

TEST_CASE("an append is answered when it is on disk, and never when no reply is wanted") {
  TopicFixture at;
  at.create("orders");
  at.give(append_of("orders", at.batch()));
  CHECK_FALSE(at.has<AppendedOk>());
  at.persist();
  CHECK(at.take<AppendedOk>().base_offset == 0);

  Append silent = append_of("orders", at.batch());
  silent.wants_reply = false;
  at.give_and_persist(silent);
  silent.topic = "nothing";
  at.give_and_persist(silent);
  CHECK(at.sends.empty());
  CHECK(at.describe_topic("orders").partitions[0].end == 2);
}

TEST_CASE("an append to a topic or partition that is not there is refused") {
  TopicFixture at;
  at.create("orders", 2);
  CHECK(at.ask<Refused>(append_of("payments", at.batch())).refusal.object == ObjectKind::topic);
  for (const PartitionIndex bad : {-1, 2}) {
    Append append = append_of("orders", at.batch());
    append.partition = bad;
    const Refusal refusal = at.ask<Refused>(append).refusal;
    CHECK(refusal.code == ErrorCode::not_found);
    CHECK(refusal.object == ObjectKind::partition);
    CHECK(refusal.name == "orders/" + std::to_string(bad));
  }
}

TEST_CASE("an append on an expected version is refused with the actual end") {
  TopicFixture at;
  at.create("orders");
  CHECK(at.ask<AppendedOk>(append_of("orders", at.batch(2), 0)).base_offset == 0);
  const Refusal refusal = at.ask<Refused>(append_of("orders", at.batch(), 0)).refusal;
  CHECK(refusal.code == ErrorCode::version_conflict);
  CHECK(refusal.received == "0");
  CHECK(refusal.current == "2");
  CHECK(at.ask<AppendedOk>(append_of("orders", at.batch(), 2)).base_offset == 2);
}

TEST_CASE("of two appends on the same expected version one wins, also before it is on disk") {
  TopicFixture at;
  at.create("orders");
  at.give(append_of("orders", at.batch(), 0));
  at.give(append_of("orders", at.batch(), 0));
  at.persist();
  CHECK(at.take<AppendedOk>().base_offset == 0);
  CHECK(at.take<Refused>().refusal.code == ErrorCode::version_conflict);
}

TEST_CASE("a batch over the topic's max.message.bytes is refused") {
  TopicFixture at;
  const std::vector<TopicConfigEntry> config = {{"max.message.bytes", "1000"}};
  at.ask<TopicOk>(CreateTopic{.who = at.caller(), .name = "orders", .config = config});
  at.append("orders", 0, at.batch(1, 1000));
  CHECK(refused_append(at, at.batch(1, 1001)).code == ErrorCode::too_large);
}

TEST_CASE("clients do not write control batches, and a batch without records is no batch") {
  TopicFixture at;
  at.create("orders");
  BatchView control = at.batch();
  control.control = true;
  CHECK(refused_append(at, control).code == ErrorCode::invalid_argument);
  CHECK(refused_append(at, at.batch(0)).code == ErrorCode::corrupt);
  CHECK(refused_append(at, at.batch(-5)).code == ErrorCode::corrupt);
}

TEST_CASE("with LogAppendTime the broker's clock stamps the records and the answer says so") {
  TopicFixture at;
  const std::vector<TopicConfigEntry> config = {{"message.timestamp.type", "LogAppendTime"}};
  at.ask<TopicOk>(CreateTopic{.who = at.caller(), .name = "orders", .config = config});
  at.give(append_of("orders", at.batch()));
  REQUIRE(at.records.size() == 1);
  const auto& appended = std::get<Appended>(at.records[0]);
  CHECK(appended.log_append_time);
  CHECK(appended.max_timestamp == at.now);
  at.persist();
  CHECK(at.take<AppendedOk>().append_time == at.now);
}

TEST_CASE("a timestamp too far ahead is refused where the topic says so") {
  TopicFixture at;
  const std::vector<TopicConfigEntry> config = {{"message.timestamp.after.max.ms", "1000"}};
  at.ask<TopicOk>(CreateTopic{.who = at.caller(), .name = "orders", .config = config});
  BatchView ahead = at.batch();
  ahead.max_timestamp = at.now + 1000;
  at.append("orders", 0, ahead);
  ahead.max_timestamp += 1;
  CHECK(refused_append(at, ahead).code == ErrorCode::invalid_argument);
}

TEST_CASE("while disk space is short appends are refused, and go on afterwards") {
  TopicFixture at;
  at.create("orders");
  at.give(ResourceAlarm{Resource::disk, true});
  CHECK(refused_append(at, at.batch()).code == ErrorCode::resource_alarm);
  at.give(ResourceAlarm{Resource::disk, false});
  CHECK(at.append("orders") == 0);
}

TEST_CASE("a transaction appends all or nothing, each operation judged behind the ones before it") {
  TopicFixture at;
  at.create("orders", 2);
  std::vector<TransactionOp> operations = {
      AppendOp{.topic = "orders", .partition = 0, .batch = at.batch(2), .expected_end = 0},
      AppendOp{.topic = "orders", .partition = 0, .batch = at.batch(3), .expected_end = 2},
      AppendOp{.topic = "orders", .partition = 1, .batch = at.batch(1), .expected_end = 0},
      CommitOffsetOp{.group = "billing", .topic = "orders", .partition = 0, .offset = 2}};
  const auto committed = at.ask<Committed>(Transaction{at.caller(), operations});
  CHECK(committed.append_offsets == std::vector<Offset>{0, 2, 0});

  operations = {AppendOp{.topic = "orders", .partition = 0, .batch = at.batch(1), .expected_end = 5},
                AppendOp{.topic = "orders", .partition = 0, .batch = at.batch(1), .expected_end = 5}};
  const auto refused = at.ask<Refused>(Transaction{at.caller(), operations});
  CHECK(refused.operation == 1);
  CHECK(refused.refusal.code == ErrorCode::version_conflict);
  CHECK(refused.refusal.current == "6");
  CHECK(at.describe_topic("orders").partitions[0].end == 5);
}

TEST_CASE("a transaction knows an idempotent producer's batches that it holds itself") {
  TopicFixture at;
  at.create("orders");
  std::vector<TransactionOp> operations = {AppendOp{.topic = "orders", .batch = at.sequenced(7, 0, 0, 2)},
                                           AppendOp{.topic = "orders", .batch = at.sequenced(7, 0, 2)},
                                           AppendOp{.topic = "orders", .batch = at.sequenced(7, 0, 0, 2)}};
  const auto committed = at.ask<Committed>(Transaction{at.caller(), operations});
  CHECK(committed.append_offsets == std::vector<Offset>{0, 2, 0});
  CHECK(at.describe_topic("orders").partitions[0].end == 3);

  operations = {AppendOp{.topic = "orders", .batch = at.sequenced(7, 0, 3)},
                AppendOp{.topic = "orders", .batch = at.sequenced(7, 0, 5)}};
  CHECK(at.ask<Refused>(Transaction{at.caller(), operations}).refusal.code ==
        ErrorCode::out_of_order_sequence);
}

TEST_CASE("a transaction with an operation that cannot be done says which and does none") {
  TopicFixture at;
  at.create("orders");
  for (const CommitOffsetOp& bad : {CommitOffsetOp{.group = "billing", .topic = "payments"},
                                    CommitOffsetOp{.group = "billing", .topic = "orders", .partition = 1},
                                    CommitOffsetOp{.group = "", .topic = "orders"},
                                    CommitOffsetOp{.group = "billing", .topic = "orders", .offset = -1}}) {
    const std::vector<TransactionOp> operations = {AppendOp{.topic = "orders", .batch = at.batch()}, bad};
    CHECK(at.ask<Refused>(Transaction{at.caller(), operations}).operation == 1);
  }
  CHECK(at.describe_topic("orders").partitions[0].end == 0);
}

}  // namespace tandem::core
