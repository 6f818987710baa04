// What the core makes of a compaction: storage does the work.
#include "tests/core/topic_fixture.h"

namespace tandem::core {
namespace {

BatchView transactional(std::int64_t producer, std::int32_t sequence) {
  BatchView view = TopicFixture::sequenced(producer, 0, sequence);
  view.transactional = true;
  return view;
}

/// One record in a transaction, which is then ended.
void run_transaction(TopicFixture& at, std::int64_t producer, std::int32_t sequence, bool commit) {
  at.ask<Ok>(AddPartitionsToTransaction{.who = at.caller(),
                                        .transactional_id = "payer",
                                        .producer_id = producer,
                                        .epoch = 0,
                                        .topic = "orders"});
  at.append("orders", 0, transactional(producer, sequence));
  at.give_and_persist(EndTransaction{
      .who = at.caller(), .transactional_id = "payer", .producer_id = producer, .epoch = 0, .commit = commit});
  const auto asked = at.take<WriteMarkers>();
  std::vector<BatchView> markers;
  for (std::size_t i = 0; i < asked.partitions.size(); ++i) {
    BatchView marker = TopicFixture::sequenced(producer, asked.epoch, -1);
    marker.transactional = marker.control = true;
    markers.push_back(marker);
  }
  at.give_and_persist(MarkersReady{producer, asked.epoch, asked.commit, markers});
  at.take<Ok>();
}

std::vector<AbortedTransaction> aborted_seen(TopicFixture& at, Offset from) {
  const std::vector<FetchPartition> wanted = {{.topic = "orders", .offset = from}};
  return at
      .ask<Fetched>(Fetch{.who = at.caller(), .partitions = wanted, .isolation = Isolation::read_committed})
      .partitions.at(0)
      .aborted;
}

}  // namespace

TEST_CASE("aborted transactions that were compacted away are not told any more, also not after a restart") {
  TopicFixture at;
  at.create("orders");
  const auto producer =
      at.ask<ProducerOk>(InitProducer{.who = at.caller(), .transactional_id = "payer"}).producer_id;
  run_transaction(at, producer, 0, false);  // offsets 0 and 1
  run_transaction(at, producer, 1, true);
  run_transaction(at, producer, 2, false);  // 4 and 5
  REQUIRE(aborted_seen(at, 0).size() == 2);
  const PartitionId orders{at.describe_topic("orders").topic.id, 0};

  at.give_and_persist(CompactionDone{orders, 1, 0});
  CHECK(at.records.empty());  // the first ends at 1
  CHECK(aborted_seen(at, 0).size() == 2);
  at.give_and_persist(CompactionDone{orders, 5, 0});
  CHECK(aborted_seen(at, 0) == std::vector<AbortedTransaction>{{producer, 4, 5}});
  SUBCASE("restarted") { at.restart(); }
  SUBCASE("restarted from a checkpoint") {
    at.checkpoint();
    at.restart();
  }
  CHECK(aborted_seen(at, 0) == std::vector<AbortedTransaction>{{producer, 4, 5}});
}

TEST_CASE("a partition with too many aborted transactions takes no new one until some are gone") {
  TopicFixture at(BrokerOptions{.aborted_per_partition_max = 2});
  at.create("orders");
  const auto producer =
      at.ask<ProducerOk>(InitProducer{.who = at.caller(), .transactional_id = "payer"}).producer_id;
  run_transaction(at, producer, 0, false);
  run_transaction(at, producer, 1, false);
  const AddPartitionsToTransaction add{.who = at.caller(),
                                       .transactional_id = "payer",
                                       .producer_id = producer,
                                       .epoch = 0,
                                       .topic = "orders"};
  const auto refused = at.ask<Refused>(add).refusal;
  CHECK(refused.code == ErrorCode::limit_reached);
  CHECK(to_text(refused).find("aborted_per_partition_max") != std::string::npos);
  at.ask<TrimmedOk>(TrimTopic{.who = at.caller(), .topic = "orders", .offset = 2});
  at.ask<Ok>(add);
}

TEST_CASE("a compacted partition is as much smaller as storage says, and nothing is recorded when nothing changed") {
  TopicFixture at;
  at.create("orders");
  at.append("orders");
  at.append("orders");
  const PartitionId orders{at.describe_topic("orders").topic.id, 0};
  at.give_and_persist(CompactionDone{orders, 1, 70});
  CHECK(at.describe_topic("orders").partitions[0].size_bytes == 130);
  at.give(CompactionDone{orders, 2, 0});
  CHECK(at.records.empty());
  at.give(CompactionDone{{TopicId(99), 0}, 2, 70});
  CHECK(at.records.empty());
}

TEST_CASE("a compacted topic takes no batch with a record that lacks a key") {
  TopicFixture at;
  const std::vector<TopicConfigEntry> config = {{"cleanup.policy", "compact"}};
  at.ask<TopicOk>(CreateTopic{.who = at.caller(), .name = "orders", .config = config});
  at.create("payments");
  CHECK(at.broker().batch_rules("orders").needs_keys);
  CHECK_FALSE(at.broker().batch_rules("payments").needs_keys);
  CHECK_FALSE(at.broker().batch_rules("no such topic").needs_keys);
  BatchView view = at.batch();
  view.lacks_key = true;
  const auto refused = at.ask<Refused>(Append{.who = at.caller(), .topic = "orders", .batch = view}).refusal;
  CHECK(refused.code == ErrorCode::invalid_argument);
  CHECK(to_text(refused).find("key") != std::string::npos);
  at.append("payments", 0, view);
  view.lacks_key = false;
  CHECK(at.append("orders", 0, view) == 0);
}

TEST_CASE("timestamps may be behind and ahead of the broker's clock as far as the topic says") {
  TopicFixture at;
  const std::vector<TopicConfigEntry> config = {{"message.timestamp.before.max.ms", "1000"},
                                                {"message.timestamp.after.max.ms", "2000"}};
  at.ask<TopicOk>(CreateTopic{.who = at.caller(), .name = "orders", .config = config});
  const auto append = [&](TimestampMs first, TimestampMs last) {
    BatchView view = at.batch();
    view.first_timestamp = first;
    view.max_timestamp = last;
    at.give_and_persist(Append{.who = at.caller(), .topic = "orders", .batch = view});
    const bool taken = at.has<AppendedOk>();
    at.sends.clear();
    return taken;
  };
  CHECK(append(at.now - 1000, at.now + 2000));
  CHECK_FALSE(append(at.now - 1001, at.now));
  CHECK_FALSE(append(at.now, at.now + 2001));
  CHECK(append(-1, at.now));  // not told
}

}  // namespace tandem::core
