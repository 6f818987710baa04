#include "broker/storage/compaction.h"

#include "tests/storage/compaction_support.h"

namespace tandem::compaction_test {
namespace {

using test::CompactionRig;
constexpr PartitionId p0 = CompactionRig::p0;

std::string key(int i) {
  return "key " + std::to_string(i);
}
std::string text(int i) {
  return "value " + std::to_string(i);
}

/// `rounds` values for each of ten keys, one batch per round.
void fill(CompactionRig& rig, int rounds, Codec codec = Codec::none) {
  for (int round = 0; round < rounds; ++round) {
    std::vector<test::KeyedRecord> records;
    for (int i = 0; i < 10; ++i) records.push_back({key(i), text(round * 10 + i)});
    rig.append_keyed(records, {}, codec);
  }
}

}  // namespace

TEST_CASE("of each key the newest record stays, where it was, and everything else goes") {
  for (const Codec codec : {Codec::none, Codec::gzip, Codec::lz4, Codec::zstd}) {
    CompactionRig rig;
    rig.must_open();
    rig.create();
    fill(rig, 30, codec);
    rig.close_segments();
    const auto size_before = rig.store->usage().topic_bytes;
    CHECK(rig.compact(1000) == 1);
    CHECK(rig.store->usage().topic_bytes < size_before / 2);
    const auto records = rig.read_all().records;
    std::vector<CompactionRig::Stored> expected;
    for (int i = 0; i < 10; ++i) expected.push_back({290 + i, key(i), text(290 + i)});
    REQUIRE(records.size() == 12);  // and the fillers
    CHECK(std::equal(expected.begin(), expected.end(), records.begin()));
    for (Offset offset = 0; offset <= 300; offset += 13) CHECK_FALSE(rig.read_all(offset).records.empty());
    CHECK(rig.read_all(0, 1).records == records);
    for (const BatchHeader& batch : rig.read_all().batches) CHECK(batch.codec_number() <= static_cast<int>(codec));
    rig.kill();
    CHECK(rig.problems().empty());
    rig.must_open();
    CHECK(rig.read_all().records == records);
  }
}

TEST_CASE("reads that were under way when a compaction began are answered") {
  CompactionRig rig;
  rig.must_open();
  rig.create();
  fill(rig, 30);
  rig.close_segments();
  rig.files.set_cold(true);
  std::string read = "(never answered)";
  rig.store->read_topic(p0, 5, rig.ends[p0], 100, [&](Result<storage::StoredBytes> bytes) {
    read = bytes.ok() ? "answered" : bytes.error().text;
  });
  Result<storage::Store::TimestampFound> found = Error{ErrorCode::internal, "never answered"};
  rig.store->find_timestamp(p0, 1000, 5, rig.ends[p0], [&](auto result) { found = std::move(result); });
  CHECK(rig.compact(1000) == 1);
  CHECK(read == "answered");
  REQUIRE_MESSAGE(found.ok(), found.error().text);
  CHECK(found->offset >= 5);
}

TEST_CASE("neither the last segment nor the tail nor a topic that is not compacted is touched") {
  CompactionRig rig;
  rig.must_open();
  SUBCASE("the tail is in the journal") {
    rig.create();
    fill(rig, 30);
    CHECK(rig.compact(1000) == 0);
  }
  SUBCASE("all is in the last segment") {
    rig.create({{"segment.bytes", "1000000"}});
    fill(rig, 30);
    rig.checkpoint();
    CHECK(rig.compact(1000) == 0);
  }
  SUBCASE("the policy is delete") {
    rig.create({{"cleanup.policy", "delete"}});
    fill(rig, 30);
    rig.close_segments();
    CHECK(rig.compact(1000) == 0);
  }
  CHECK(rig.read_all().records.size() >= 300);
}

TEST_CASE("compaction waits for the dirty ratio or the largest lag, and leaves records younger than the smallest lag") {
  CompactionRig rig;
  rig.must_open();
  SUBCASE("dirty ratio") {
    rig.create({{"min.cleanable.dirty.ratio", "0.6"}});
    for (int i = 0; i < 200; ++i) rig.append_keyed(key(i), std::string(100, 'v'));  // nothing of it can go
    rig.close_segments();
    CHECK(rig.compact(1000) == 1);
    for (int i = 0; i < 50; ++i) rig.append_keyed(key(i), std::string(100, 'w'));
    rig.close_segments();
    CHECK(rig.compact(1000) == 0);
    for (int round = 0; round < 5; ++round)
      for (int i = 0; i < 50; ++i) rig.append_keyed(key(i), std::string(100, 'x'));
    rig.close_segments();
    CHECK(rig.compact(1000) == 1);
  }
  SUBCASE("largest lag") {
    rig.create({{"min.cleanable.dirty.ratio", "0.99"}, {"max.compaction.lag.ms", "5000"}});
    fill(rig, 30);
    rig.close_segments();
    CHECK(rig.compact(1000) == 1);
    fill(rig, 3);
    rig.close_segments();
    CHECK(rig.compact(5900) == 0);
    CHECK(rig.compact(6001) == 1);
  }
  SUBCASE("smallest lag") {
    rig.create({{"min.compaction.lag.ms", "5000"}});
    fill(rig, 30);
    rig.close_segments();
    CHECK(rig.compact(5999) == 0);
    CHECK(rig.compact(6000) == 1);
  }
}

TEST_CASE("a tombstone takes the records before it along, and goes itself after delete.retention.ms") {
  CompactionRig rig;
  rig.must_open();
  rig.create({{"delete.retention.ms", "5000"}});
  fill(rig, 10);
  rig.append_keyed({{key(3), std::nullopt}, {key(4), "kept"}});
  rig.close_segments();
  CHECK(rig.compact(1000) == 1);
  auto newest = rig.newest();
  REQUIRE(newest.contains(key(3)));
  CHECK_FALSE(newest[key(3)].has_value());
  CHECK(newest[key(4)] == "kept");
  CHECK(rig.compact(5999) == 0);
  rig.kill();
  rig.must_open();
  rig.settle();
  CHECK(rig.compact(5999) == 0);
  CHECK(rig.compact(6000) == 1);
  newest = rig.newest();
  CHECK_FALSE(newest.contains(key(3)));
  CHECK(newest[key(4)] == "kept");
  CHECK(newest.size() == 9 + 2);
  CHECK(rig.compact(1'000'000) == 0);
  rig.close(rig.state());
  CHECK(rig.problems().empty());
}

TEST_CASE("timestamps stay what they were when a batch is written anew") {
  CompactionRig rig;
  rig.must_open();
  rig.create();
  rig.append_keyed({{"a", "1"}, {"b", std::nullopt}, {"c", "3"}}, {}, Codec::zstd, 7777);
  rig.append_keyed("a", "2");
  rig.close_segments();
  CHECK(rig.compact(900'000'000) == 1);
  const auto bytes = rig.fetch(p0, 0, 3).value();
  std::vector<std::pair<Offset, TimestampMs>> found;
  REQUIRE(for_each_record(bytes, [&](const RecordView& record) {
            found.emplace_back(record.offset, record.timestamp);
            return true;
          }).ok());
  CHECK(found == std::vector<std::pair<Offset, TimestampMs>>{{1, 7777}, {2, 7777}});
  CHECK(rig.find(p0, 7000, 0, rig.ends[p0]).offset == 1);
}

TEST_CASE("what was aborted goes, takes nothing along, and its markers stay for delete.retention.ms") {
  CompactionRig rig;
  rig.must_open();
  rig.create({{"delete.retention.ms", "5000"}});
  const BatchProducer seven{7, 0, 0, true}, eight{8, 0, 0, true};
  rig.append_keyed("a", "old");
  rig.append_keyed("b", "old");
  rig.append_keyed({{"a", "aborted"}}, seven);
  rig.append_keyed({{"b", "committed"}}, eight);
  rig.append_marker(7, false);
  rig.append_marker(8, true);
  rig.append_keyed({{"c", "by seven again"}}, seven);
  rig.append_marker(7, true);
  rig.close_segments();
  CHECK(rig.compact(1000) == 1);
  auto read = rig.read_all();
  CHECK(read.markers == 3);
  CHECK(rig.newest()["a"] == "old");
  CHECK(rig.newest()["b"] == "committed");
  CHECK(rig.newest()["c"] == "by seven again");
  CHECK(read.records.size() == 3 + 2);
  REQUIRE(rig.compactions.size() == 1);
  CHECK(rig.compactions[0].partition == p0);
  CHECK(rig.compactions[0].through >= 8);
  CHECK(rig.compactions[0].removed_bytes > 0);
  CHECK(rig.compact(7000) == 1);
  CHECK(rig.read_all().markers == 0);
  CHECK(rig.newest()["c"] == "by seven again");
}

TEST_CASE("compaction stops before the first transaction that is not decided, and goes on when it is") {
  CompactionRig rig;
  rig.must_open();
  rig.create();
  fill(rig, 10);
  rig.append_keyed({{key(1), "undecided"}}, {7, 0, 0, true});
  fill(rig, 10);
  rig.close_segments();
  CHECK(rig.compact(1000) == 1);
  CHECK(rig.compactions.back().through == 100);
  CHECK(rig.read_all().records.size() == 10 + 1 + 100 + 2);
  CHECK(rig.compact(2000) == 0);  // nothing more can be done
  SUBCASE("committed") {
    rig.append_marker(7, true);
    rig.close_segments();
    CHECK(rig.compact(100'000) == 1);
    CHECK(rig.read_all().records.size() == 10 + 4);
    CHECK(rig.newest()[key(1)] == text(91));
  }
  SUBCASE("aborted") {
    rig.append_marker(7, false);
    rig.close_segments();
    CHECK(rig.compact(100'000) == 1);
    CHECK(rig.read_all().records.size() == 10 + 4);
  }
}

TEST_CASE("a reader finds its way through a stretch of which nothing is left") {
  CompactionRig rig;
  rig.must_open();
  rig.create();
  fill(rig, 1);
  for (int i = 0; i < 30; ++i) rig.append_keyed({{"x", std::string(150, 'a')}}, {7, 0, i, true});
  rig.append_marker(7, false);
  const Offset undecided = rig.append_keyed({{"y", "undecided"}}, {8, 0, 0, true});
  rig.close_segments();
  CHECK(rig.compact(1000) == 1);
  // A reader of decided records may read up to the open transaction: each fetch below it gives it something.
  for (Offset offset = 0; offset < undecided;) {
    const auto bytes = rig.fetch(p0, offset, undecided).value();
    REQUIRE_FALSE(bytes.empty());
    offset = parse_batch_header(bytes)->last_offset() + 1;
  }
}

TEST_CASE("messages that came through an exchange are compacted by their keys") {
  CompactionRig rig;
  rig.must_open();
  rig.create();
  for (int i = 0; i < 100; ++i) rig.append_message(p0, text(i), 1000, key(i % 5));
  rig.close_segments();
  CHECK(rig.compact(1000) == 1);
  CHECK(rig.newest().size() == 5 + 2);
  CHECK(rig.newest()[key(4)] == text(99));
  CHECK(rig.read_all().records.size() == 5 + 2);
}

TEST_CASE("records without a key, from before the topic was compacted, stay") {
  CompactionRig rig;
  rig.must_open();
  rig.create();
  for (int i = 0; i < 20; ++i) rig.append_keyed({{std::nullopt, text(i)}, {key(1), text(i)}});
  rig.close_segments();
  CHECK(rig.compact(1000) == 1);
  CHECK(rig.read_all().records.size() == 21 + 2);
}

TEST_CASE("with compact and delete, retention takes compacted segments too") {
  CompactionRig rig;
  rig.must_open();
  rig.create({{"cleanup.policy", "compact,delete"}, {"retention.ms", "10000"}});
  fill(rig, 30);
  rig.close_segments();
  CHECK(rig.store->retention_due(11'000).empty());
  CHECK(rig.compact(1000) == 1);
  CHECK(rig.store->retention_due(11'000).empty());
  const auto due = rig.store->retention_due(11'001);
  REQUIRE(due.size() == 1);
  rig.record(core::Trimmed{p0, due[0].new_start});
  rig.starts[p0] = due[0].new_start;
  rig.checkpoint();
  CHECK(rig.read_all(due[0].new_start).records.size() <= 2);
  rig.close(rig.state());
  CHECK(rig.problems().empty());
}

TEST_CASE("trimming and deleting while a compaction runs leaves nothing behind") {
  CompactionRig rig;
  rig.must_open();
  rig.create();
  fill(rig, 60);
  rig.close_segments();
  rig.store->background(1000);  // it begins; its work is done by settle()
  SUBCASE("a part is trimmed") {
    rig.record(core::Trimmed{p0, 250});
    rig.starts[p0] = 250;
    rig.settle();
    CHECK(rig.read_all(250).records.size() == 10 + 2);
  }
  SUBCASE("all that it works on is trimmed") {
    rig.record(core::Trimmed{p0, 600});
    rig.starts[p0] = 600;
    rig.settle();
    CHECK(rig.read_all(600).records.size() == 2);
    rig.checkpoint();
    rig.checkpoint();
    CHECK(rig.file_names().size() == 2);  // of the fillers
  }
  SUBCASE("the topic is deleted") {
    rig.record(core::TopicDeleted{CompactionRig::topic});
    rig.ends.clear();
    rig.settle();
    rig.checkpoint();
    rig.checkpoint();
    CHECK(rig.store->usage().topic_bytes == 0);
    CHECK(rig.file_names().empty());
  }
  SUBCASE("the topic is deleted when its new files are in place") {
    rig.settle();
    rig.record(core::TopicDeleted{CompactionRig::topic});
    rig.ends.clear();
    rig.checkpoint();
    rig.checkpoint();
    CHECK(rig.file_names().empty());
  }
  SUBCASE("it is trimmed when its new files are in place") {
    rig.settle();
    rig.record(core::Trimmed{p0, 600});
    rig.starts[p0] = 600;
    rig.checkpoint();
    CHECK(rig.read_all(600).records.size() == 2);
  }
  rig.checkpoint();
  rig.kill();
  CHECK(rig.problems().empty());
  rig.must_open();
}

TEST_CASE("what is trimmed away while a compaction reads it is not shortened under its eyes") {
  CompactionRig rig;
  rig.options.removal_step_bytes = 1'000;
  rig.must_open();
  rig.create({{"segment.bytes", "4000000"}});
  for (int i = 0; i < 30; ++i) rig.append_keyed(key(i), std::string(400'000, 'v'));
  rig.close_segments();
  rig.store->background(1000);  // in more than twenty slices
  rig.record(core::Trimmed{p0, 30});
  rig.starts[p0] = 30;
  rig.store->begin_checkpoint(rig.state());
  using storage::Store;
  for (bool worked = true; worked;) {  // a task of each thread in turn: so the files go while the compaction is somewhere in them
    worked = !rig.posted.empty();
    for (const auto thread : {Store::Background::journal, Store::Background::checkpoint, Store::Background::reader})
      worked = rig.store->pump_one(thread) || worked;
    rig.run_posted();
  }
  CHECK(rig.checkpoints == 2);
  CHECK(rig.troubles.empty());
  CHECK(rig.read_all(30).records.size() == 2);
  rig.checkpoint();
  rig.kill();
  CHECK(rig.problems().empty());
}

TEST_CASE("an orderly close does not wait for a compaction, and leaves no file of it") {
  CompactionRig rig;
  rig.must_open();
  rig.create();
  fill(rig, 60);
  rig.close_segments();
  rig.store->background(1000);
  rig.close(rig.state());
  CHECK(rig.problems().empty());
  for (const auto& name : rig.file_names()) CHECK(name.find('-') == std::string::npos);
  rig.must_open();
  CHECK(rig.read_all().records.size() == 602);
  CHECK(rig.compact(1000) == 1);
  CHECK(rig.read_all().records.size() == 12);
}

TEST_CASE("what was compacted is said again at every start") {
  CompactionRig rig;
  rig.must_open();
  rig.create();
  fill(rig, 30);
  rig.close_segments();
  CHECK(rig.compact(1000) == 1);
  const auto through = rig.compactions.back().through;
  rig.kill();
  rig.compactions.clear();
  rig.must_open();
  rig.settle();
  REQUIRE(rig.compactions.size() == 1);
  CHECK(rig.compactions[0].through == through);
  CHECK(rig.compactions[0].removed_bytes == 0);
}

TEST_CASE("a damaged segment is not compacted, and people are told") {
  CompactionRig rig;
  rig.must_open();
  rig.create();
  fill(rig, 30);
  rig.close_segments();
  rig.files.flip_bit("/store/topics/5/0/00000000000000000000.segment", 200);
  CHECK(rig.compact(1000) == 0);
  REQUIRE(rig.troubles.size() == 1);
  CHECK(rig.troubles[0].code == ErrorCode::corrupt);
  for (const auto& name : rig.file_names()) CHECK(name.find('-') == std::string::npos);
}

TEST_CASE("replaced files and tails that wait too long bring a checkpoint about") {
  CompactionRig rig;
  rig.must_open();
  rig.create();
  rig.store->background(0);
  fill(rig, 1);
  rig.store->background(299'999);
  CHECK_FALSE(rig.store->checkpoint_wanted());
  rig.store->background(300'000);
  CHECK(rig.store->checkpoint_wanted());
  rig.checkpoint();
  CHECK_FALSE(rig.store->checkpoint_wanted());
  rig.store->background(900'000);
  CHECK_FALSE(rig.store->checkpoint_wanted());
}

// --- its parts -------------------------------------------------------------------------------------------------------

TEST_CASE("more keys than there is room for are compacted in several goes, and to the same end") {
  CompactionRig rig;
  rig.must_open();
  rig.create();
  for (int round = 0; round < 4; ++round)
    for (int i = 0; i < 60; ++i) rig.append_keyed({{key(i), text(round)}, {key(i + 1000), text(round)}});
  rig.checkpoint();
  storage::CompactionTask task;
  task.partition = p0;
  task.directory = "/store/topics/5/0";
  task.segment_size_max_bytes = 2000;
  task.now = 1000;
  task.keys_max = 50;
  for (const auto& name : rig.file_names()) {
    storage::TopicSegmentFacts facts;
    facts.base = std::stoll(name);
    const auto file = rig.files.open(task.directory + "/" + name).value();
    facts.size_bytes = file->size().value();
    auto made = std::make_shared<storage::TopicSegment>();
    made->facts = facts;
    task.segments.push_back(std::move(made));
  }
  std::const_pointer_cast<storage::TopicSegment>(task.segments.back())->facts.end = rig.ends[p0];
  std::size_t goes = 0;
  Offset through = 0;
  for (; through < rig.ends[p0]; ++goes) {
    REQUIRE(goes < 100);
    storage::Compaction compaction(rig.files, task);
    while (compaction.step().value()) {
    }
    REQUIRE(compaction.replaced() > 0);
    CHECK(compaction.through() > through);
    through = compaction.through();
    std::vector<std::shared_ptr<const storage::TopicSegment>> next(compaction.made().begin(), compaction.made().end());
    next.insert(next.end(), task.segments.begin() + static_cast<std::ptrdiff_t>(compaction.replaced()),
                task.segments.end());
    task.segments = next;
    task.generation += 1;
    task.first_dirty = 0;
    while (task.first_dirty < next.size() && next[task.first_dirty]->facts.compacted) ++task.first_dirty;
  }
  CHECK(goes > 4);
  std::map<std::string, std::vector<Offset>> found;
  for (const auto& made : task.segments) {
    const auto file = rig.files
                          .open(task.directory + "/" +
                                storage::segment_file_name(made->facts.base, made->facts.generation))
                          .value();
    std::vector<std::byte> bytes(made->facts.size_bytes);
    REQUIRE(file->read(0, bytes).ok());
    for (Bytes rest = bytes; !rest.empty();) {
      const auto header = parse_batch_header(rest).value();
      REQUIRE(for_each_record(rest.first(header.size_bytes), [&](const RecordView& record) {
                found[std::string(text_of(*record.key))].push_back(record.offset);
                return true;
              }).ok());
      rest = rest.subspan(header.size_bytes);
    }
  }
  CHECK(found.size() == 120);
  for (const auto& [name, offsets] : found) {
    REQUIRE(offsets.size() == 1);
    CHECK(offsets[0] >= 360);
  }
}

TEST_CASE("the key hash is SipHash-2-4 with 128 bits") {
  // The first two vectors of the algorithm's reference: key 00 01 … 0f, input empty and 00.
  const std::array<std::uint64_t, 2> secret{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  const storage::KeyHash empty = storage::hash_key(secret, {});
  CHECK(empty.low == 0xe6a825ba047f81a3);
  CHECK(empty.high == 0x930255c71472f66d);
  const std::byte zero{0};
  const storage::KeyHash one = storage::hash_key(secret, {&zero, 1});
  CHECK(one.low == 0x44af996bd8c187da);
  CHECK(one.high == 0x45fc229b11597634);
}

}  // namespace tandem::compaction_test
