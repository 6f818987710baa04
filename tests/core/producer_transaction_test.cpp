#include "tests/core/topic_fixture.h"

namespace tandem::core {
namespace {

/// A transactional producer as a client plays it, and the rim that writes its markers.
class Producer {
 public:
  Producer(TopicFixture& at, std::string id) : at_(at), id_(std::move(id)) {}

  void init(std::uint64_t connection = 1) {
    const auto ok = at_.ask<ProducerOk>(InitProducer{.who = at_.caller(connection), .transactional_id = id_});
    producer_id = ok.producer_id;
    epoch = ok.epoch;
    sequences_.clear();
  }
  AddPartitionsToTransaction add(std::string_view topic, PartitionIndex partition = 0) const {
    return {.who = at_.caller(),
            .transactional_id = id_,
            .producer_id = producer_id,
            .epoch = epoch,
            .topic = topic,
            .partition = partition};
  }
  AddOffsetsToTransaction add_group(std::string_view group) const {
    return {.who = at_.caller(),
            .transactional_id = id_,
            .producer_id = producer_id,
            .epoch = epoch,
            .group = group};
  }
  EndTransaction end(bool commit) const {
    return {.who = at_.caller(),
            .transactional_id = id_,
            .producer_id = producer_id,
            .epoch = epoch,
            .commit = commit};
  }
  BatchView batch(PartitionIndex partition = 0) {
    BatchView view = at_.sequenced(producer_id, epoch, sequences_[partition]++);
    view.transactional = true;
    return view;
  }
  Offset append(std::string_view topic, PartitionIndex partition = 0) {
    return at_.append(topic, partition, batch(partition));
  }

  std::int64_t producer_id = -1;
  std::int16_t epoch = -1;

 private:
  TopicFixture& at_;
  std::string id_;
  std::map<PartitionIndex, std::int32_t> sequences_;
};

BatchView marker() {
  BatchView view = TopicFixture::batch(1, 78);
  view.control = view.transactional = true;
  return view;
}

void write_markers(TopicFixture& at) {
  const auto asked = at.take<WriteMarkers>();
  const std::vector<BatchView> markers(asked.partitions.size(), marker());
  at.give_and_persist(MarkersReady{asked.producer_id, asked.epoch, asked.commit, markers});
}

void end(TopicFixture& at, const Producer& producer, bool commit) {
  at.give_and_persist(producer.end(commit));
  write_markers(at);
  at.take<Ok>();
}

FetchedPartition read_committed(TopicFixture& at, std::string_view topic, Offset offset = 0) {
  const std::vector<FetchPartition> partitions = {{.topic = topic, .offset = offset}};
  return at
      .ask<Fetched>(
          Fetch{.who = at.caller(5), .partitions = partitions, .isolation = Isolation::read_committed})
      .partitions.front();
}

ErrorCode refused(TopicFixture& at, const Input& input) {
  return at.ask<Refused>(input).refusal.code;
}

Append transactional(const BatchView& batch) {
  return {.who = TopicFixture::caller(), .topic = "orders", .batch = batch};
}

}  // namespace

TEST_CASE("what a transaction wrote is read when it commits, not before") {
  TopicFixture at;
  at.create("orders");
  Producer producer(at, "billing");
  producer.init();
  at.append("orders");
  at.ask<Ok>(producer.add("orders"));
  CHECK(producer.append("orders") == 1);
  at.append("orders");
  CHECK(read_committed(at, "orders").visible_end == 1);
  CHECK(read_committed(at, "orders").high_watermark == 3);
  end(at, producer, true);
  const auto read = read_committed(at, "orders");
  CHECK(read.visible_end == 4);
  CHECK(read.aborted.empty());
}

TEST_CASE("an aborted transaction is named to readers of its range, and only to those") {
  TopicFixture at;
  at.create("orders");
  Producer producer(at, "billing");
  producer.init();
  at.append("orders");
  at.ask<Ok>(producer.add("orders"));
  producer.append("orders");
  end(at, producer, false);
  at.append("orders");
  const auto read = read_committed(at, "orders");
  CHECK(read.last_stable == 4);
  CHECK(read.aborted == std::vector<AbortedTransaction>{{producer.producer_id, 1, 2}});
  CHECK(read_committed(at, "orders", 2).aborted.size() == 1);
  CHECK(read_committed(at, "orders", 3).aborted.empty());
  const std::vector<FetchPartition> partitions = {{.topic = "orders", .offset = 0}};
  at.give(Fetch{.who = at.caller(), .partitions = partitions});
  CHECK(at.take<Fetched>().partitions[0].aborted.empty());
}

TEST_CASE(
    "aborted transactions are forgotten with the records they are about, and known after a checkpoint") {
  TopicFixture at;
  at.create("orders");
  Producer producer(at, "billing");
  producer.init();
  for (int i = 0; i < 2; ++i) {
    at.ask<Ok>(producer.add("orders"));
    producer.append("orders");
    end(at, producer, false);
  }
  at.checkpoint();
  at.restart();
  CHECK(read_committed(at, "orders").aborted.size() == 2);
  at.ask<TrimmedOk>(TrimTopic{.who = at.caller(), .topic = "orders", .offset = 2});
  CHECK(read_committed(at, "orders", 2).aborted.size() == 1);
}

TEST_CASE("the last stable offset is the oldest open transaction's start") {
  TopicFixture at;
  at.create("orders");
  Producer first(at, "first"), second(at, "second");
  first.init();
  second.init();
  at.ask<Ok>(first.add("orders"));
  at.ask<Ok>(second.add("orders"));
  first.append("orders");
  second.append("orders");
  CHECK(read_committed(at, "orders").last_stable == 0);
  end(at, first, true);
  CHECK(read_committed(at, "orders").last_stable == 1);
  end(at, second, true);
  CHECK(read_committed(at, "orders").last_stable == 4);
}

TEST_CASE("a trim into an open transaction leaves the last stable offset at the start") {
  TopicFixture at;
  at.create("orders");
  Producer producer(at, "billing");
  producer.init();
  at.ask<Ok>(producer.add("orders"));
  for (int i = 0; i < 4; ++i) producer.append("orders");
  at.ask<TrimmedOk>(TrimTopic{.who = at.caller(), .topic = "orders", .offset = 3});
  CHECK(read_committed(at, "orders", 3).last_stable == 3);
  end(at, producer, false);
  CHECK(read_committed(at, "orders", 3).last_stable == 5);
  CHECK(read_committed(at, "orders", 3).aborted.size() == 1);
}

TEST_CASE("a reader that waits for committed records is woken by the end of the transaction") {
  TopicFixture at;
  at.create("orders");
  Producer producer(at, "billing");
  producer.init();
  at.ask<Ok>(producer.add("orders"));
  const std::vector<FetchPartition> partitions = {{.topic = "orders", .offset = 0}};
  at.give(Fetch{.who = at.caller(5),
                .partitions = partitions,
                .wait_max = 1000,
                .isolation = Isolation::read_committed});
  producer.append("orders");
  CHECK_FALSE(at.has<Fetched>());
  end(at, producer, true);
  CHECK(at.take<Fetched>().partitions[0].visible_end == 2);
}

TEST_CASE("markers are asked for when the decision is on disk, and the end is told when they are") {
  TopicFixture at;
  at.create("orders", 2);
  Producer producer(at, "billing");
  producer.init();
  at.ask<Ok>(producer.add("orders", 1));
  at.ask<Ok>(producer.add("orders", 0));
  producer.append("orders", 0);
  at.give(producer.end(true));
  CHECK_FALSE(at.has<WriteMarkers>());
  at.persist();
  CHECK_FALSE(at.has<Ok>());
  const auto asked = at.take<WriteMarkers>();
  CHECK(asked.commit);
  CHECK(asked.producer_id == producer.producer_id);
  REQUIRE(asked.partitions.size() == 2);
  CHECK(asked.partitions[0].index == 0);
  const std::vector<BatchView> markers(2, marker());
  at.give(MarkersReady{asked.producer_id, asked.epoch, true, markers});
  CHECK_FALSE(at.has<Ok>());
  at.persist();
  CHECK(at.has<Ok>());
  CHECK(at.describe_topic("orders").partitions[1].end == 1);
}

TEST_CASE("markers that nobody waits for are ignored") {
  TopicFixture at;
  at.create("orders");
  Producer producer(at, "billing");
  producer.init();
  at.ask<Ok>(producer.add("orders"));
  const std::vector<BatchView> markers(1, marker());
  at.give(MarkersReady{producer.producer_id, producer.epoch, true, markers});
  CHECK(at.records.empty());
  at.give_and_persist(producer.end(false));
  at.give(MarkersReady{producer.producer_id, producer.epoch, true, markers});
  CHECK(at.records.empty());
}

TEST_CASE("a restart between decision and markers asks for the markers again") {
  TopicFixture at;
  at.create("orders");
  Producer producer(at, "billing");
  producer.init();
  at.ask<Ok>(producer.add("orders"));
  producer.append("orders");
  at.give_and_persist(producer.end(false));
  at.restart();
  CHECK(at.broker().next_due() <= at.now);
  at.tick_after(0);
  write_markers(at);
  CHECK_FALSE(at.has<WriteMarkers>());
  CHECK(read_committed(at, "orders").aborted.size() == 1);
  at.tick_after(1);
  CHECK_FALSE(at.has<WriteMarkers>());
}

TEST_CASE("an open transaction survives a restart and can still commit") {
  TopicFixture at;
  at.create("orders");
  Producer producer(at, "billing");
  producer.init();
  at.ask<Ok>(producer.add("orders"));
  producer.append("orders");
  at.restart();
  CHECK(read_committed(at, "orders").visible_end == 0);
  producer.append("orders");
  end(at, producer, true);
  CHECK(read_committed(at, "orders").visible_end == 3);
}

TEST_CASE("offsets committed in a transaction are the group's when it commits") {
  TopicFixture at;
  at.create("orders");
  at.append("orders", 0, at.batch(10));
  Producer producer(at, "billing");
  producer.init();
  const std::vector<OffsetCommitEntry> entries = {{.topic = "orders", .offset = 7, .metadata = "m"}};
  const std::vector<FetchOffsetEntry> asked = {{"orders", 0}};
  const CommitOffsets commit{.who = at.caller(),
                             .group = "readers",
                             .entries = entries,
                             .producer_id = producer.producer_id,
                             .producer_epoch = producer.epoch};
  CHECK(at.ask<OffsetsCommittedOk>(commit).errors == std::vector{ErrorCode::invalid_transaction_state});
  at.ask<Ok>(producer.add_group("readers"));
  CHECK(at.ask<OffsetsCommittedOk>(commit).errors == std::vector{ErrorCode::none});

  FetchOffsets fetch{.who = at.caller(), .group = "readers", .entries = asked};
  CHECK(at.ask<OffsetsFetched>(fetch).offsets[0].offset == -1);
  fetch.require_stable = true;
  CHECK(at.ask<OffsetsFetched>(fetch).offsets[0].error == ErrorCode::concurrent_transactions);
  at.ask<Ok>(producer.end(true));  // nothing was appended: no markers
  CHECK_FALSE(at.has<WriteMarkers>());
  const auto fetched = at.ask<OffsetsFetched>(fetch).offsets[0];
  CHECK(fetched.offset == 7);
  CHECK(fetched.metadata == "m");
}

TEST_CASE("offsets committed in a transaction that aborts are nothing, and the last of several counts") {
  TopicFixture at;
  at.create("orders");
  Producer producer(at, "billing");
  producer.init();
  const std::vector<FetchOffsetEntry> asked = {{"orders", 0}};
  const auto commit = [&](std::initializer_list<Offset> offsets) {
    std::vector<OffsetCommitEntry> entries;
    for (const Offset offset : offsets) entries.push_back({.topic = "orders", .offset = offset});
    at.ask<OffsetsCommittedOk>(CommitOffsets{.who = at.caller(),
                                             .group = "readers",
                                             .entries = entries,
                                             .producer_id = producer.producer_id,
                                             .producer_epoch = producer.epoch});
  };
  const auto fetched = [&] {
    return at.ask<OffsetsFetched>(FetchOffsets{.who = at.caller(), .group = "readers", .entries = asked})
        .offsets[0]
        .offset;
  };
  at.ask<Ok>(producer.add_group("readers"));
  commit({7});
  at.ask<Ok>(producer.end(false));
  CHECK(fetched() == -1);
  at.ask<Ok>(producer.add_group("readers"));
  commit({8});
  commit({9});
  at.ask<Ok>(producer.end(true));
  CHECK(fetched() == 9);
  at.ask<Ok>(producer.add_group("readers"));
  commit({10});
  commit({11, 13, 12});
  at.ask<Ok>(producer.end(true));
  CHECK(fetched() == 12);
}

TEST_CASE("a transactional append needs an open transaction with its partition in it") {
  TopicFixture at;
  at.create("orders", 2);
  Producer producer(at, "billing");
  producer.init();
  CHECK(refused(at, transactional(producer.batch())) == ErrorCode::invalid_transaction_state);
  at.ask<Ok>(producer.add("orders", 1));
  CHECK(refused(at, transactional(producer.batch())) == ErrorCode::invalid_transaction_state);

  BatchView unknown = at.sequenced(999, 0, 0);
  unknown.transactional = true;
  CHECK(refused(at, transactional(unknown)) == ErrorCode::unknown_producer);
  BatchView anonymous = at.batch();
  anonymous.transactional = true;
  CHECK(refused(at, transactional(anonymous)) == ErrorCode::invalid_argument);
}

TEST_CASE("a new producer with the same transactional id fences the old one and aborts its transaction") {
  TopicFixture at;
  at.create("orders");
  Producer old(at, "billing"), heir(at, "billing");
  old.init();
  at.ask<Ok>(old.add("orders"));
  old.append("orders");
  const InitProducer init{.who = at.caller(2), .transactional_id = "billing"};
  CHECK(refused(at, init) == ErrorCode::concurrent_transactions);
  CHECK(refused(at, transactional(old.batch())) == ErrorCode::fenced);
  CHECK(refused(at, init) == ErrorCode::concurrent_transactions);
  write_markers(at);
  heir.init(2);
  CHECK(heir.producer_id == old.producer_id);
  CHECK(heir.epoch > old.epoch);
  CHECK(read_committed(at, "orders").aborted.size() == 1);
  CHECK(refused(at, old.end(true)) == ErrorCode::fenced);
  CHECK(refused(at, old.add("orders")) == ErrorCode::fenced);
  at.ask<Ok>(heir.add("orders"));
  heir.append("orders");
  end(at, heir, true);
}

TEST_CASE("a producer that goes on with its id and epoch gets the next epoch, a fenced one does not") {
  TopicFixture at;
  const InitProducer first{.who = at.caller(), .transactional_id = "billing"};
  const auto old = at.ask<ProducerOk>(first);
  InitProducer again = first;
  again.producer_id = old.producer_id;
  again.epoch = old.epoch;
  CHECK(at.ask<ProducerOk>(again).epoch == old.epoch + 1);
  InitProducer next = again;
  next.epoch += 1;
  CHECK(at.ask<ProducerOk>(next).epoch == old.epoch + 2);
  CHECK(refused(at, again) == ErrorCode::fenced);
  again.producer_id += 1;
  CHECK(refused(at, again) == ErrorCode::fenced);
}

TEST_CASE("a producer that has not heard its next epoch asks again and hears it, until somebody else has its id") {
  TopicFixture at;
  at.create("orders");
  Producer producer(at, "billing");
  producer.init();
  InitProducer again{.who = at.caller(),
                     .transactional_id = "billing",
                     .producer_id = producer.producer_id,
                     .epoch = producer.epoch};
  CHECK(at.ask<ProducerOk>(again).epoch == 1);
  CHECK(at.ask<ProducerOk>(again).epoch == 1);
  CHECK(at.ask<ProducerOk>(again).epoch == 1);
  again.epoch = 2;
  CHECK(refused(at, again) == ErrorCode::fenced);
  again.epoch = 0;

  SUBCASE("a new producer") { producer.init(2); }
  SUBCASE("a transaction of that epoch") {
    producer.epoch = 1;
    at.ask<Ok>(producer.add("orders"));
  }
  SUBCASE("a restart, which forgets that it asked") { at.restart(); }
  CHECK(refused(at, again) == ErrorCode::fenced);
}

TEST_CASE("the next epoch is not told again before it is on disk") {
  TopicFixture at;
  Producer producer(at, "billing");
  producer.init();
  const InitProducer again{.who = at.caller(2),
                           .transactional_id = "billing",
                           .producer_id = producer.producer_id,
                           .epoch = producer.epoch};
  at.give(again);
  at.give(again);
  CHECK(at.records.empty());
  CHECK_FALSE(at.has<ProducerOk>());
  at.persist();
  CHECK(at.take<ProducerOk>().epoch == 1);
  CHECK(at.take<ProducerOk>().epoch == 1);
}

TEST_CASE("when epochs run out a producer gets a new id") {
  TopicFixture at;
  const InitProducer init{.who = at.caller(), .transactional_id = "billing"};
  auto ok = at.ask<ProducerOk>(init);
  const std::int64_t first_id = ok.producer_id;
  for (int i = 0; i < 32'766; ++i) ok = at.ask<ProducerOk>(init);
  CHECK(ok.producer_id == first_id);
  CHECK(ok.epoch == 32'766);
  ok = at.ask<ProducerOk>(init);
  CHECK(ok.producer_id > first_id);
  CHECK(ok.epoch == 0);
}

TEST_CASE("a transaction that runs out of time is aborted and its producer fenced") {
  TopicFixture at;
  at.create("orders");
  Producer producer(at, "billing");
  producer.init();
  at.ask<Ok>(producer.add("orders"));
  producer.append("orders");
  at.tick_after(0);
  CHECK(at.broker().next_due() == at.now + 60'000);
  at.tick_after(59'999);
  CHECK_FALSE(at.has<WriteMarkers>());
  at.tick_after(1);
  write_markers(at);
  CHECK(read_committed(at, "orders").aborted.size() == 1);
  CHECK(refused(at, producer.end(true)) == ErrorCode::fenced);
  CHECK(refused(at, transactional(producer.batch())) == ErrorCode::fenced);
}

TEST_CASE("ending a transaction twice is answered once more; ending it otherwise or without one is refused") {
  TopicFixture at;
  at.create("orders");
  Producer producer(at, "billing");
  producer.init();
  CHECK(refused(at, producer.end(true)) == ErrorCode::invalid_transaction_state);
  at.ask<Ok>(producer.add("orders"));
  at.give_and_persist(producer.end(true));
  CHECK(refused(at, producer.end(true)) == ErrorCode::concurrent_transactions);
  CHECK(refused(at, producer.end(false)) == ErrorCode::invalid_transaction_state);
  CHECK(refused(at, producer.add("orders")) == ErrorCode::concurrent_transactions);
  write_markers(at);
  at.take<Ok>();
  at.ask<Ok>(producer.end(true));
  CHECK(refused(at, producer.end(false)) == ErrorCode::invalid_transaction_state);
}

TEST_CASE("requests of producers that are not known are refused") {
  TopicFixture at;
  at.create("orders");
  Producer producer(at, "billing");
  CHECK(refused(at, producer.add("orders")) == ErrorCode::unknown_producer);
  CHECK(refused(at, producer.add_group("readers")) == ErrorCode::unknown_producer);
  CHECK(refused(at, producer.end(true)) == ErrorCode::unknown_producer);
  producer.init();
  CHECK(refused(at, producer.add("payments")) == ErrorCode::not_found);
  CHECK(refused(at, producer.add("orders", 1)) == ErrorCode::not_found);
  for (const DurationMs timeout : {DurationMs{0}, DurationMs{-1}, DurationMs{900'001}})
    CHECK(refused(at, InitProducer{.who = at.caller(), .transactional_id = "x", .timeout = timeout}) ==
          ErrorCode::invalid_argument);
}

TEST_CASE("a topic that is deleted while its transaction ends gets no marker, and the others do") {
  TopicFixture at;
  at.create("orders");
  at.create("payments");
  Producer producer(at, "billing");
  producer.init();
  at.ask<Ok>(producer.add("orders"));
  at.ask<Ok>(producer.add("payments"));
  at.give_and_persist(producer.end(true));
  at.ask<Ok>(DeleteTopic{at.caller(), "orders"});
  write_markers(at);
  at.take<Ok>();
  CHECK(at.describe_topic("payments").partitions[0].end == 1);
}

TEST_CASE("nobody is told of the end when the connection that asked for it closed") {
  TopicFixture at;
  at.create("orders");
  Producer producer(at, "billing");
  producer.init();
  at.ask<Ok>(producer.add("orders"));
  at.give_and_persist(producer.end(true));
  at.give(ConnectionClosed{ConnectionId(1)});
  write_markers(at);
  CHECK_FALSE(at.has<Ok>());
}

TEST_CASE(
    "a transactional id that is not used for a week is forgotten, one with an open transaction is not") {
  TopicFixture at;
  at.create("orders");
  Producer idle(at, "idle");
  idle.init();
  at.tick_after(7 * 24 * 3'600'000ll);
  CHECK(refused(at, idle.add("orders")) == ErrorCode::unknown_producer);
  CHECK(at.ask<ProducerOk>(InitProducer{.who = at.caller(), .transactional_id = "idle"}).producer_id !=
        idle.producer_id);
}

TEST_CASE("producers and their transactions can be looked at") {
  TopicFixture at;
  at.create("orders");
  Producer producer(at, "billing");
  producer.init();
  at.ask<Ok>(producer.add("orders"));
  producer.append("orders");
  producer.append("orders");
  const auto look = [&](Subject subject, std::string_view name) {
    return at.ask<Described>(Describe{at.caller(), subject, name});
  };
  const auto open = look(Subject::transactions, "billing").transactions;
  REQUIRE(open.size() == 1);
  CHECK(open[0].producer.state == TransactionState::ongoing);
  CHECK(open[0].partitions == std::vector<std::pair<std::string, PartitionIndex>>{{"orders", 0}});
  CHECK(look(Subject::transactions, "").transactions.size() == 1);
  CHECK(look(Subject::transactions, "absent").transactions.empty());
  const auto seen = look(Subject::producers, "orders").producers;
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].topic == "orders");
  CHECK(seen[0].window.producer_id == producer.producer_id);
  CHECK(seen[0].window.batches.back().last_sequence == 1);
  CHECK(seen[0].window.transaction_start == 0);
  CHECK(look(Subject::producers, "absent").producers.empty());
  end(at, producer, true);
  CHECK(look(Subject::transactions, "billing").transactions[0].producer.state ==
        TransactionState::complete_commit);
}

}  // namespace tandem::core
