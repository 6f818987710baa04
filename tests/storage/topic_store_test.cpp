#include "broker/storage/topic_store.h"

#include "tests/storage/store_support.h"

namespace tandem {
namespace {

const TopicId topic{5};
const PartitionId p0{topic, 0};

std::string value(int i) {
  return "value " + std::to_string(i) + std::string(static_cast<std::size_t>(i % 50), '.');
}

std::vector<std::string> values(int from, int to) {
  std::vector<std::string> made;
  for (int i = from; i < to; ++i) made.push_back(value(i));
  return made;
}

/// 300 records in batches and messages, mixed, with two checkpoints between them.
void fill(test::StoreRig& rig, bool with_checkpoints = true) {
  rig.create_topic(topic, {{"segment.bytes", "2000"}});
  for (int i = 0; i < 300;) {
    if (i % 3 == 0) {
      rig.append(p0, values(i, i + 4), i * 10);
      i += 4;
    } else {
      rig.append_message(p0, value(i), i * 10);
      i += 1;
    }
    if (with_checkpoints && (i == 100 || i == 200)) rig.checkpoint();
  }
}

}  // namespace

TEST_CASE("what was appended is read in order, from the tail and from segments, in steps of any size") {
  for (const bool with_checkpoints : {false, true}) {
    test::StoreRig rig;
    rig.must_open();
    fill(rig, with_checkpoints);
    const int end = static_cast<int>(rig.ends[p0]);
    for (const std::uint32_t size_max : {1u, 200u, 1000u, 1u << 20})
      CHECK(rig.values(p0, 0, size_max) == values(0, end));
    for (int offset = 0; offset < end; offset += 7) CHECK(rig.values(p0, offset, 500) == values(offset, end));
  }
}

TEST_CASE("a restart reads the same, with and without a last checkpoint, from memory and from a cold disk") {
  for (const bool clean : {false, true})
    for (const bool cold : {false, true}) {
      test::StoreRig rig;
      rig.must_open();
      fill(rig);
      rig.persist();
      if (clean)
        rig.close(rig.state());
      else
        rig.kill();
      rig.must_open();
      rig.files.set_cold(cold);
      CHECK(rig.values(p0) == values(0, static_cast<int>(rig.ends[p0])));
    }
}

TEST_CASE("nothing at or behind the visible end is given, and at most the size that was asked for") {
  test::StoreRig rig;
  rig.must_open();
  rig.create_topic(topic);
  for (int i = 0; i < 20; ++i) rig.append(p0, values(i, i + 1));
  for (const bool homed : {false, true}) {
    if (homed) rig.checkpoint();
    const auto batches = rig.fetch(p0, 3, 8).value();
    CHECK(parse_batch_header(batches)->base_offset == 3);
    Offset last = 0;
    for (Bytes rest = batches; !rest.empty(); rest = rest.subspan(parse_batch_header(rest)->size_bytes))
      last = parse_batch_header(rest)->last_offset();
    CHECK(last == 7);
    CHECK(rig.fetch(p0, 0, 20, 300).value().size() <= 300);
    CHECK(rig.fetch(p0, 20, 20).value().empty());
    CHECK(rig.fetch({TopicId(77), 0}, 0, 20).value().empty());
  }
}

TEST_CASE("messages that came through exchanges are joined into batches when they move home") {
  test::StoreRig rig;
  rig.must_open();
  rig.create_topic(topic);
  for (int i = 0; i < 2500; ++i)
    rig.append_message(p0, value(i), i,
                       i % 2 == 0 ? std::optional("key " + std::to_string(i)) : std::nullopt);
  rig.checkpoint();
  int batches = 0, records = 0;
  for (Offset next = 0; next < 2500;) {
    const auto bytes = rig.fetch(p0, next, 2500).value();
    for (Bytes rest = bytes; !rest.empty();) {
      const auto header = parse_batch_header(rest).value();
      REQUIRE(for_each_record(rest.first(header.size_bytes), [&](const RecordView& record) {
                CHECK(text_of(*record.key) ==
                      (records % 2 == 0 ? "key " + std::to_string(records) : "routing"));
                CHECK(record.timestamp == records);
                ++records;
                return true;
              }).ok());
      ++batches;
      next = header.last_offset() + 1;
      rest = rest.subspan(header.size_bytes);
    }
  }
  CHECK(records == 2500);
  CHECK(batches == 3);
}

TEST_CASE("log append time is written into the batch") {
  test::StoreRig rig;
  rig.must_open();
  rig.create_topic(topic);
  BatchBuilder builder;
  builder.add(5, std::nullopt, bytes_of("v"));
  const auto batch = builder.finish().value();
  core::Appended appended;
  appended.partition = p0;
  appended.body = rig.store->stage({batch});
  appended.size_bytes = static_cast<std::uint32_t>(batch.size());
  appended.max_timestamp = 123456;
  appended.log_append_time = true;
  rig.record(appended);
  rig.checkpoint();
  const auto header = judge_batch(rig.fetch(p0, 0, 1).value()).value();
  CHECK(header.log_append_time());
  CHECK(header.max_timestamp == 123456);
}

TEST_CASE("a batch that went to the disk before its turn is staged again") {
  test::StoreRig rig;
  rig.must_open();
  rig.create_topic(topic);
  rig.append(p0, {"first"});
  BatchBuilder builder;
  builder.add(5, std::nullopt, bytes_of("second"));
  const auto batch = builder.finish().value();
  core::Appended appended;
  appended.partition = p0;
  appended.base_offset = 1;
  appended.body = rig.store->stage({batch});
  appended.size_bytes = static_cast<std::uint32_t>(batch.size());
  rig.declare_queue(QueueId(1));
  rig.persist();
  rig.record(appended);
  rig.ends[p0] = 2;
  CHECK(rig.values(p0) == std::vector<std::string>{"first", "second"});
  rig.persist();
  rig.kill();
  rig.must_open();
  CHECK(rig.values(p0) == std::vector<std::string>{"first", "second"});
}

TEST_CASE("the first record at or behind a timestamp is found, in tail and segments") {
  for (const bool with_checkpoints : {false, true}) {
    test::StoreRig rig;
    rig.must_open();
    fill(rig, with_checkpoints);
    const Offset end = rig.ends[p0];
    // The records of a batch that begins at offset i carry i * 10, messages their own offset * 10.
    const auto timestamp_of = [&](Offset offset) {
      TimestampMs found = -1;
      const auto bytes = rig.fetch(p0, offset, end).value();
      const auto header = parse_batch_header(bytes).value();
      REQUIRE(for_each_record(Bytes(bytes).first(header.size_bytes), [&](const RecordView& record) {
                if (record.offset == offset) found = record.timestamp;
                return found < 0;
              }).ok());
      return found;
    };
    for (TimestampMs at = 0; at < 3000; at += 97) {
      const auto found = rig.find(p0, at, 0, end);
      if (found.offset < 0) {
        CHECK(timestamp_of(end - 1) < at);
        continue;
      }
      CHECK(found.timestamp == timestamp_of(found.offset));
      CHECK(found.timestamp >= at);
      if (found.offset > 0) CHECK(timestamp_of(found.offset - 1) < at);
    }
    const auto largest = rig.find(p0, INT64_MAX, 0, end);
    CHECK(largest.timestamp == timestamp_of(end - 1));
    CHECK(rig.find(p0, 0, 50, end).offset == 50);
    CHECK(rig.find(p0, 1'000'000, 0, end).offset == -1);
    CHECK(rig.find(p0, 0, end, end).offset == -1);
  }
}

TEST_CASE("retention by age and by size gives whole segments, and trimmed ones are removed") {
  test::StoreRig rig;
  rig.must_open();
  rig.create_topic(topic, {{"segment.bytes", "1000"}, {"retention.ms", "500"}});
  for (int i = 0; i < 100; ++i) rig.append(p0, {std::string(100, 'v')}, i * 10);
  CHECK(rig.store->retention_due(100'000).empty());  // still in the journal
  rig.checkpoint();
  CHECK(rig.store->retention_due(500).empty());
  const auto due = rig.store->retention_due(1000);
  REQUIRE(due.size() == 1);
  CHECK(due[0].new_start > 30);
  CHECK(due[0].new_start <= 50);
  const auto size_before = rig.store->usage().topic_bytes;
  rig.record(core::Trimmed{p0, due[0].new_start});
  rig.starts[p0] = due[0].new_start;
  CHECK(rig.store->usage().topic_bytes < size_before);
  CHECK(rig.store->retention_due(1000).empty());
  CHECK(rig.files.exists("/store/topics/5/0/00000000000000000000.segment").value());
  rig.checkpoint();
  CHECK_FALSE(rig.files.exists("/store/topics/5/0/00000000000000000000.segment").value());
  rig.close(rig.state());
  CHECK(rig.problems().empty());
  rig.must_open();
  CHECK(rig.values(p0, due[0].new_start).size() == static_cast<std::size_t>(100 - due[0].new_start));
  SUBCASE("by size") {
    core::TopicAltered altered;
    altered.topic.id = topic;
    altered.topic.config = {{"retention.bytes", "1500"}, {"retention.ms", "-1"}};
    rig.record(altered);
    const auto by_size = rig.store->retention_due(1'000'000);
    REQUIRE(by_size.size() == 1);
    CHECK(by_size[0].new_start > due[0].new_start);
    CHECK(by_size[0].new_start < 100);
  }
  SUBCASE("a topic that is only compacted keeps everything") {
    core::TopicAltered altered;
    altered.topic.id = topic;
    altered.topic.config = {{"cleanup.policy", "compact"}};
    rig.record(altered);
    CHECK(rig.store->retention_due(1'000'000).empty());
  }
}

TEST_CASE("what is trimmed while it moves home is not lost behind the cut, nor kept before it") {
  test::StoreRig rig;
  rig.must_open();
  rig.create_topic(topic);
  for (int i = 0; i < 10; ++i) rig.append(p0, values(i, i + 1));
  rig.checkpoint();
  for (int i = 10; i < 20; ++i) rig.append(p0, values(i, i + 1));
  rig.store->begin_checkpoint(rig.state());
  SUBCASE("up to the old segment's end") {
    rig.record(core::Trimmed{p0, 10});
    rig.starts[p0] = 10;
    rig.settle();
    CHECK(rig.values(p0, 10) == values(10, 20));
    rig.checkpoint();
    CHECK(rig.values(p0, 10) == values(10, 20));
  }
  SUBCASE("all of it") {
    rig.record(core::Trimmed{p0, 20});
    rig.starts[p0] = 20;
    rig.settle();
    rig.checkpoint();
    CHECK(rig.store->usage().topic_bytes == 0);
    rig.append(p0, values(20, 21));
    rig.checkpoint();
    CHECK(rig.values(p0, 20) == values(20, 21));
  }
  rig.close(rig.state());
  CHECK(rig.problems().empty());
}

TEST_CASE("a flipped bit in a segment is reported with file and position, never served") {
  test::StoreRig rig;
  rig.must_open();
  rig.create_topic(topic);
  for (int i = 0; i < 10; ++i) rig.append(p0, values(i, i + 1));
  rig.checkpoint();
  const std::string path = "/store/topics/5/0/00000000000000000000.segment";
  rig.files.flip_bit(path, 200);
  const auto fetched = rig.fetch(p0, 0, 10);
  REQUIRE_FALSE(fetched.ok());
  CHECK(fetched.error().code == ErrorCode::corrupt);
  CHECK(fetched.error().text.find(path) != std::string::npos);
  rig.close(rig.state());
  CHECK(rig.problems().size() == 1);
}

TEST_CASE("a read of a tail that checkpoints overtake goes on where the records went") {
  test::StoreRig rig(true);
  rig.options.checkpoint_interval_bytes = 1;  // nothing of the journal is kept longer than it must
  rig.options.large_tails.home_min_bytes = 1u << 30;
  rig.files.set_cold(true);
  rig.must_open();
  rig.create_topic(topic);
  for (int i = 0; i < 3; ++i) {
    rig.append(p0, {std::string(200'000, 'v')});  // each in a journal segment of its own
    rig.persist();
  }
  std::optional<Result<std::vector<std::byte>>> fetched;
  rig.store->read_topic(p0, 0, 3, 1u << 20, [&](Result<storage::StoredBytes> bytes) {
    if (bytes)
      fetched = std::vector<std::byte>(bytes->bytes.begin(), bytes->bytes.end());
    else
      fetched = bytes.error();
  });
  // The first one comes; then the reader does nothing while checkpoints go by.
  for (int checkpoint = 0; checkpoint < 4; ++checkpoint) {
    rig.store->begin_checkpoint(rig.state());
    using storage::Store;
    while (rig.store->pump_one(Store::Background::journal) || rig.store->pump_one(Store::Background::checkpoint) ||
           !rig.posted.empty())
      rig.run_posted();
    rig.append(p0, {std::string(200'000, 'w')});
    rig.store->flush();
  }
  REQUIRE(rig.checkpoints == 4);
  REQUIRE_FALSE(fetched);
  rig.settle();
  REQUIRE(fetched);
  REQUIRE_MESSAGE(fetched->ok(), (fetched->ok() ? "" : fetched->error().text));
  CHECK(**fetched == rig.fetch(p0, 0, 3).value());
}

TEST_CASE("a batch whose offset is not behind the one before it is damage: its checksum is not of the offset") {
  test::StoreRig rig;
  rig.must_open();
  rig.create_topic(topic);
  for (int i = 0; i < 3; ++i) rig.append(p0, {"same size"});
  rig.checkpoint();
  const std::string path = "/store/topics/5/0/00000000000000000000.segment";
  const auto batch_size_bytes = rig.fetch(p0, 0, 1, 1).value().size();
  rig.files.flip_bit(path, 2 * batch_size_bytes + 7, 1);  // offset 2 becomes 0
  const auto fetched = rig.fetch(p0, 0, 3);
  REQUIRE_FALSE(fetched.ok());
  CHECK(fetched.error().code == ErrorCode::corrupt);
  CHECK(fetched.error().text.find(path + " at byte " + std::to_string(2 * batch_size_bytes)) != std::string::npos);
}

}  // namespace tandem
