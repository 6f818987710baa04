#include "broker/storage/store.h"

#include "broker/storage/checkpoint_keys.h"
#include "broker/storage/lmdb.h"
#include "broker/storage/record_codec.h"
#include "tests/storage/store_support.h"

namespace tandem {
namespace {

const QueueId q1{1}, q2{2};

core::Survivors survivors_of(QueueId queue, std::vector<core::QueueEntry> entries) {
  return {queue, 0, std::move(entries)};
}

}  // namespace

TEST_CASE("turns that were persisted are replayed in order after a kill") {
  test::StoreRig rig;
  rig.must_open();
  CHECK(rig.report.clean);
  rig.declare_queue(q1);
  std::vector<core::QueueEntry> entries;
  for (QueueSeq seq = 1; seq <= 50; ++seq)
    entries.push_back(rig.publish(q1, seq, "body " + std::to_string(seq)));
  rig.persist();
  CHECK(rig.persisted_through == 51);
  rig.kill();
  rig.must_open();
  CHECK_FALSE(rig.report.clean);
  const auto replayed = rig.replayed_of<core::Enqueued>();
  REQUIRE(replayed.size() == 50);
  for (std::size_t i = 0; i < 50; ++i) {
    CHECK(replayed[i].entry == entries[i]);
    CHECK(rig.read(entries[i].body, entries[i].size_bytes) == "body " + std::to_string(i + 1));
  }
}

TEST_CASE("an orderly close is found again as clean, with nothing in the journal") {
  test::StoreRig rig;
  rig.must_open();
  rig.declare_queue(q1);
  const auto entry = rig.publish(q1, 1, "kept");
  rig.close(rig.state({survivors_of(q1, {entry})}));
  rig.must_open();
  CHECK(rig.report.clean);
  CHECK(rig.report.journal_records == 0);
  CHECK(rig.replayed_of<core::QueueDeclared>().size() == 1);
  const auto runs = rig.replayed_of<core::RunHomed>();
  REQUIRE(runs.size() == 1);
  const auto loaded = rig.load_run(q1, runs[0].run).value();
  REQUIRE(loaded.size() == 1);
  CHECK(loaded[0].seq == 1);
  CHECK(rig.read(loaded[0].body, loaded[0].size_bytes) == "kept");
  SUBCASE("but not when it was killed afterwards") {
    rig.kill();
    rig.must_open();
    CHECK_FALSE(rig.report.clean);
  }
}

TEST_CASE("catalog, offsets, groups and producers survive a checkpoint: the newest of each key") {
  test::StoreRig rig;
  rig.must_open();
  const auto later = [&](auto make) {
    make(1);
    rig.checkpoint();
    make(2);
  };
  later([&](int version) {
    core::ExchangeDeclared exchange;
    exchange.id = ExchangeId(static_cast<std::uint32_t>(100 + version));
    exchange.name = "e" + std::to_string(version);
    rig.record(exchange);
  });
  rig.create_topic(TopicId(5), {{"retention.ms", "10"}});
  core::TopicAltered altered;
  altered.topic.id = TopicId(5);
  altered.topic.name = "t5";
  altered.topic.config = {{"retention.ms", "20"}};
  rig.record(altered);
  later([&](int version) {
    core::OffsetCommitted committed;
    committed.group = "g";
    committed.partition = {TopicId(5), 0};
    committed.offset = version;
    rig.record(committed);
    core::GroupGeneration generation;
    generation.group = "g";
    generation.generation = version;
    rig.record(generation);
    core::ProducerChanged producer;
    producer.transactional_id = "tx";
    producer.producer_id = 9;
    producer.epoch = static_cast<std::int16_t>(version);
    rig.record(producer);
  });
  rig.checkpoint();
  rig.kill();
  rig.must_open();
  CHECK(rig.report.journal_records == 0);
  CHECK(rig.replayed_of<core::ExchangeDeclared>().size() == 2);
  const auto topics = rig.replayed_of<core::TopicCreated>();
  REQUIRE(topics.size() == 1);
  CHECK(topics[0].config == altered.topic.config);
  const auto offsets = rig.replayed_of<core::OffsetCommitted>();
  REQUIRE(offsets.size() == 1);
  CHECK(offsets[0].offset == 2);
  CHECK(rig.replayed_of<core::GroupGeneration>().at(0).generation == 2);
  CHECK(rig.replayed_of<core::ProducerChanged>().at(0).epoch == 2);
}

TEST_CASE("the checkpoint has a group's members until its next generation begins, or it is deleted") {
  test::StoreRig rig;
  rig.must_open();
  const auto stable_groups = [&rig] {
    rig.checkpoint();
    rig.kill();
    rig.must_open();
    return rig.replayed_of<core::GroupStable>();
  };
  const core::GroupStable stable{"g", "range", "m", {{.id = "m", .assignment = "work"}}};
  rig.record(core::GroupGeneration{"g", "consumer", 1});
  rig.record(stable);
  CHECK(stable_groups() == std::vector{stable});
  rig.record(core::GroupGeneration{"g", "consumer", 2});
  CHECK(stable_groups().empty());
  rig.record(stable);
  CHECK(stable_groups().size() == 1);
  rig.record(core::GroupDeleted{"g"});
  CHECK(stable_groups().empty());
}

TEST_CASE("a key of the checkpoint that means nothing is not passed over") {
  test::StoreRig rig;
  rig.must_open();
  rig.checkpoint();
  rig.kill();
  REQUIRE(storage::Lmdb::open(rig.options.lmdb_directory).value()->commit({{}, {{"Z", "what a later version keeps"}}}));
  const auto opened = rig.open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().text.find("'Z'") != std::string::npos);
}

TEST_CASE("what was deleted is gone from the checkpoint, with all that hung on it") {
  test::StoreRig rig;
  rig.must_open();
  const PartitionId partition{TopicId(5), 0};
  rig.declare_queue(q1);
  const auto entry = rig.publish(q1, 1, "x");
  rig.create_topic(TopicId(5));
  rig.append(partition, {"a"});
  for (const char* group : {"g", "h"}) {
    core::OffsetCommitted committed;
    committed.group = group;
    committed.partition = partition;
    rig.record(committed);
  }
  rig.checkpoint({survivors_of(q1, {entry})});
  rig.record(core::GroupDeleted{"g"});
  rig.checkpoint();
  rig.kill();
  rig.must_open();
  REQUIRE(rig.replayed_of<core::OffsetCommitted>().size() == 1);
  CHECK(rig.replayed_of<core::OffsetCommitted>()[0].group == "h");
  rig.record(core::QueueDeleted{q1, true});
  rig.record(core::TopicDeleted{TopicId(5)});
  rig.ends.clear();
  rig.checkpoint();
  CHECK(rig.store->usage().backlog_bytes == 0);
  CHECK(rig.store->usage().topic_bytes == 0);
  rig.kill();
  rig.must_open();
  CHECK(rig.replayed.size() == 1);  // Counters
  CHECK_FALSE(rig.files.exists("/store/topics/5/0/00000000000000000000.segment").value());
}

TEST_CASE("survivors move to the backlog and are found there by core and restart") {
  test::StoreRig rig;
  rig.must_open();
  rig.declare_queue(q1);
  rig.declare_queue(q2);
  std::map<QueueId, std::vector<core::QueueEntry>> entries;
  for (QueueSeq seq = 1; seq <= 1500; ++seq)
    for (const QueueId queue : {q1, q2})
      entries[queue].push_back(rig.publish(
          queue, seq, "q" + std::to_string(queue.value) + "-" + std::to_string(seq), seq % 10 != 0));
  rig.checkpoint({survivors_of(q1, entries[q1]), survivors_of(q2, entries[q2])});
  REQUIRE(rig.stored.size() == 4);
  for (const auto& [run, moved] : rig.stored) {
    CHECK(run.count == moved.size());
    for (const auto& [seq, body] : moved) {
      const std::string text = "q" + std::to_string(run.queue.value) + "-" + std::to_string(seq);
      CHECK(rig.read(body, text.size()) == text);
    }
    CHECK(rig.load_run(run.queue, run.run).value().size() == run.count);
  }
  rig.kill();
  rig.must_open();
  std::size_t durable = 0;
  for (const auto& run : rig.replayed_of<core::RunHomed>()) {
    const auto loaded = rig.load_run(run.queue, run.run).value();
    CHECK(loaded.size() == run.count);
    for (const auto& entry : loaded) CHECK(entry.durable);
    durable += loaded.size();
  }
  CHECK(durable == 2 * 1350);
}

TEST_CASE("messages that came to many queues in turn go home in more than one slice, and each is where its run says") {
  test::StoreRig rig;
  rig.must_open();
  constexpr std::uint32_t queues = 300;
  constexpr QueueSeq each = 40;
  std::vector<core::Survivors> survivors;
  for (std::uint32_t i = 1; i <= queues; ++i) {
    rig.declare_queue(QueueId(i));
    survivors.push_back(survivors_of(QueueId(i), {}));
  }
  const auto body = [](std::uint32_t queue, QueueSeq seq) {
    return std::to_string(queue) + "/" + std::to_string(seq) + std::string(1'000, '.');
  };
  for (QueueSeq seq = 1; seq <= each; ++seq) {
    for (std::uint32_t i = 1; i <= queues; ++i)
      survivors[i - 1].entries.push_back(rig.publish(QueueId(i), seq, body(i, seq)));
    rig.persist();
  }
  rig.checkpoint(survivors);
  rig.kill();
  rig.must_open();
  const auto runs = rig.replayed_of<core::RunHomed>();
  REQUIRE(runs.size() == queues);
  for (const core::RunHomed& run : runs) {
    const auto entries = rig.load_run(run.queue, run.run).value();
    REQUIRE(entries.size() == each);
    for (const core::QueueEntry& entry : {entries.front(), entries[each / 2], entries.back()})
      CHECK(rig.read(entry.body, entry.size_bytes) == body(run.queue.value, entry.seq));
  }
  rig.close(rig.state());
  CHECK(rig.problems().empty());
}

TEST_CASE("a dropped run is forgotten by the next checkpoint, and its space is used again") {
  test::StoreRig rig;
  rig.must_open();
  rig.declare_queue(q1);
  rig.checkpoint({survivors_of(q1, {rig.publish(q1, 1, "first")})});
  const RunId first = rig.stored[0].run.run;
  const auto size = rig.store->usage().backlog_bytes;
  rig.store->drop_run(q1, first);
  CHECK_FALSE(rig.load_run(q1, first).ok());
  CHECK(rig.store->usage().backlog_bytes == size);  // a crash now still needs it
  rig.checkpoint();
  CHECK(rig.store->usage().backlog_bytes == 0);
  rig.checkpoint({survivors_of(q1, {rig.publish(q1, 2, "second")})});
  CHECK(rig.store->usage().backlog_bytes == size);
  CHECK(rig.stored[0].run.run != first);
  rig.kill();
  rig.must_open();
  const auto runs = rig.replayed_of<core::RunHomed>();
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].seqs.first == 2);
}

TEST_CASE("a queue that is deleted while its survivors move home leaves nothing behind") {
  test::StoreRig rig;
  rig.must_open();
  rig.declare_queue(q1);
  const auto entry = rig.publish(q1, 1, "x");
  rig.store->begin_checkpoint(rig.state({survivors_of(q1, {entry})}));
  rig.record(core::QueueDeleted{q1, true});
  rig.settle();
  CHECK(rig.stored.empty());
  rig.checkpoint();
  CHECK(rig.store->usage().backlog_bytes == 0);
  rig.kill();
  rig.must_open();
  CHECK(rig.replayed_of<core::RunHomed>().empty());
}

TEST_CASE("transient queues use the backlog too, but a restart finds nothing of them") {
  test::StoreRig rig;
  rig.must_open();
  std::vector<core::QueueEntry> entries;
  for (QueueSeq seq = 1; seq <= 20; ++seq) entries.push_back(rig.publish(q1, seq, "transient", false));
  rig.checkpoint({survivors_of(q1, entries)});
  REQUIRE(rig.stored.size() == 1);
  CHECK(rig.load_run(q1, rig.stored[0].run.run).value().size() == 20);
  rig.record(core::QueueDeleted{q1, false});
  rig.checkpoint();
  CHECK(rig.store->usage().backlog_bytes == 0);
  rig.checkpoint({survivors_of(q2, {rig.publish(q2, 1, "transient", false)})});
  rig.kill();
  rig.must_open();
  CHECK(rig.replayed_of<core::RunHomed>().empty());
  CHECK(rig.store->usage().backlog_bytes == 0);
}

TEST_CASE("bodies stay readable by their journal handles until the checkpoint after the next") {
  test::StoreRig rig(true);
  rig.must_open();
  rig.declare_queue(q1);
  const std::string text(3000, 'b');
  const auto entry = rig.publish(q1, 1, text);
  rig.checkpoint({survivors_of(q1, {entry})});
  CHECK(rig.read(entry.body, entry.size_bytes) ==
        text);  // a delivery may still be on its way with the old handle
}

TEST_CASE("the journal is recycled as checkpoints go by") {
  test::StoreRig rig;
  rig.options.journal_size_max_bytes = 4u << 20;
  rig.must_open();
  rig.declare_queue(q1);
  QueueSeq seq = 1;
  std::size_t rounds = 0;
  for (; rounds < 3000; ++rounds) {
    rig.publish(q1, seq++, std::string(10'000, 'x'));
    REQUIRE_FALSE(rig.store->behind());
    if (rig.store->checkpoint_wanted()) rig.checkpoint();
    rig.persist();
  }
  CHECK(rig.checkpoints > 10);
  CHECK(rig.store->usage().journal_bytes <= 6u << 20);
}

TEST_CASE("after a burst the journal's segments, spares among them, take no more of the disk than it may have") {
  test::StoreRig rig;
  rig.options.journal_size_max_bytes = 4u << 20;
  rig.must_open();
  rig.declare_queue(q1);
  QueueSeq seq = 1;
  const auto publish_until = [&](std::uint64_t journal_bytes) {
    while (rig.store->usage().journal_bytes < journal_bytes) {
      rig.publish(q1, seq++, std::string(10'000, 'x'));
      rig.persist();
    }
  };
  publish_until(1u << 20);
  rig.checkpoint();
  publish_until((4u << 20) + (512u << 10));  // as far as publishers come before they are held back, and a spare
  rig.checkpoint();
  for (int i = 0; i < 8; ++i) rig.retry();
  CHECK(rig.store->usage().journal_bytes <= 4u << 20);
  CHECK(rig.store->usage().journal_bytes > 2u << 20);  // what lives is more than spares alone may be
}

TEST_CASE("a close while a checkpoint runs keeps every message exactly once") {
  test::StoreRig rig;
  rig.must_open();
  rig.declare_queue(q1);
  const auto entry = rig.publish(q1, 1, "once");
  const auto state = rig.state({survivors_of(q1, {entry})});
  rig.store->begin_checkpoint(state);
  rig.close(state);
  rig.must_open();
  CHECK(rig.report.clean);
  const auto runs = rig.replayed_of<core::RunHomed>();
  REQUIRE(runs.size() == 1);
  CHECK(rig.load_run(q1, runs[0].run).value().size() == 1);
  rig.checkpoint();
  rig.close(rig.state());
  CHECK(rig.problems().empty());
}

TEST_CASE("runs that format 5 kept by queue are found, and kept by their age from then on") {
  test::StoreRig rig;
  rig.must_open();
  rig.declare_queue(q1);
  rig.declare_queue(q2);
  for (QueueSeq seq = 1; seq <= 3; ++seq)
    rig.checkpoint({survivors_of(q1, {rig.publish(q1, seq, "one " + std::to_string(seq))}),
                    survivors_of(q2, {rig.publish(q2, seq, "two " + std::to_string(seq))})});
  rig.close(rig.state());
  {
    const auto lmdb = storage::Lmdb::open(rig.options.lmdb_directory).value();
    storage::LmdbChanges older;
    REQUIRE(lmdb->for_each("z", [&](std::string_view key, std::string_view value) -> Result<> {
      const auto run = std::get<core::RunHomed>(storage::decode_record(bytes_of(value)).value());
      older.erasures.push_back({std::string(key), {}, 0});
      older.puts.push_back({storage::keys::old_run(run.queue, run.run), std::string(value)});
      return Done{};
    }).ok());
    REQUIRE(older.puts.size() == 6);
    REQUIRE(lmdb->commit(older).ok());
  }
  CHECK(rig.problems().empty());
  const auto all_are_there = [&rig] {
    const auto runs = rig.replayed_of<core::RunHomed>();
    REQUIRE(runs.size() == 6);
    for (const auto& run : runs) {
      const auto entries = rig.load_run(run.queue, run.run).value();
      REQUIRE(entries.size() == 1);
      CHECK(rig.read(entries[0].body, entries[0].size_bytes) ==
            (run.queue == q1 ? "one " : "two ") + std::to_string(entries[0].seq));
    }
  };
  rig.must_open();
  all_are_there();
  rig.kill();
  {
    const auto lmdb = storage::Lmdb::open(rig.options.lmdb_directory, true).value();
    CHECK_FALSE(lmdb->get(storage::keys::old_run(q1, rig.replayed_of<core::RunHomed>()[0].run)).value().has_value());
  }
  rig.must_open();
  all_are_there();
  for (const auto& run : rig.replayed_of<core::RunHomed>()) rig.store->drop_run(run.queue, run.run);
  rig.checkpoint();
  rig.kill();
  rig.must_open();
  CHECK(rig.replayed_of<core::RunHomed>().empty());
  rig.close(rig.state());
  CHECK(rig.problems().empty());
}

TEST_CASE("a directory is one broker's") {
  test::StoreRig rig;
  rig.must_open();
  storage::RecoveryReport report;
  const auto second = storage::Store::open(
      rig.options, rig.files, rig, [](auto) {}, [](const auto&, TurnNumber) {}, report);
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().code == ErrorCode::locked);
}

TEST_CASE("a short disk is reported once, and once when it is over") {
  test::StoreRig rig;
  rig.must_open();
  CHECK_FALSE(rig.disk_is_short);
  rig.files.set_capacity_bytes(100u << 20);
  (void)rig.store->retention_due(0);
  CHECK(rig.disk_is_short);
  rig.files.set_capacity_bytes(10ull << 30);
  rig.store->flush();
  CHECK_FALSE(rig.disk_is_short);
}

}  // namespace tandem
