// Large batches go home at once, with their commit group.
#include "broker/storage/topic_home.h"

#include "tests/storage/store_support.h"

namespace tandem {
namespace {

const TopicId home_topic{5};
const PartitionId home_partition{home_topic, 0};
constexpr std::size_t large_size_bytes = 3'000;

std::string large_value(int i) {
  std::string text = "large " + std::to_string(i) + " ";
  text.resize(large_size_bytes, static_cast<char>('a' + i % 26));
  return text;
}

struct HomeRig : test::StoreRig {
  explicit HomeRig(const std::string& segment_bytes = "1000000") {
    options.large_tails.home_min_bytes = large_size_bytes;
    must_open();
    create_topic(home_topic, {{"segment.bytes", segment_bytes}});
    persist();
  }
  void append_small(const std::string& value) { take(value); }
  void append_large() { take(large_value(static_cast<int>(appended.size()))); }
  void take(const std::string& value) {
    append(home_partition, {value});
    appended.push_back(value);
  }
  void take_message(const std::string& value) {
    append_message(home_partition, value);
    appended.push_back(value);
  }
  void must_read_all() {
    CHECK(values(home_partition) == appended);
    CHECK(values(home_partition, 0, 1) == appended);
  }
  void start_again() {
    kill();
    CHECK(problems() == std::vector<std::string>{});
    must_open();
    must_read_all();
  }
  /// The journal's thread and what it says to the loop, without the checkpoint's.
  void settle_journal() {
    do {
      while (!posted.empty()) {
        auto task = std::move(posted.front());
        posted.pop_front();
        task();
      }
    } while (store->pump_one(storage::Store::Background::journal));
  }

  std::vector<std::string> appended;
};

std::vector<std::string> segments_of(HomeRig& rig) {
  auto names = rig.files.list("/store/topics/5/0");
  return names ? *names : std::vector<std::string>{};
}

storage::TopicTailEntry entry_at(Offset base, std::uint32_t size_bytes) {
  storage::TopicTailEntry entry;
  entry.base = base;
  entry.size_bytes = size_bytes;
  return entry;
}

}  // namespace

TEST_CASE("a large batch is on the disk once: the journal has only its record") {
  HomeRig rig;
  for (int i = 0; i < 10; ++i) {
    rig.append_large();
    rig.persist();
  }
  rig.must_read_all();
  CHECK(rig.persisted_through == rig.turn);
  rig.start_again();
  CHECK(rig.report.journal_bytes <= 12 * storage::direct_block_bytes);
  CHECK(segments_of(rig).size() == 1);
}

TEST_CASE("large batches are read before and after they left the memory, and after a checkpoint and a start") {
  HomeRig rig;
  for (int i = 0; i < 5; ++i) rig.append_large();
  rig.persist();
  rig.must_read_all();
  rig.checkpoint();
  for (int i = 0; i < 5; ++i) rig.append_large();
  rig.persist();
  rig.start_again();
  rig.append_large();
  rig.persist();
  rig.close(rig.state());
  CHECK(rig.problems() == std::vector<std::string>{});
  rig.must_open();
  CHECK(rig.report.clean);
  rig.must_read_all();
}

TEST_CASE("small batches before a large one go home with it, those behind it wait for the next or the checkpoint") {
  HomeRig rig;
  for (const char* value : {"a", "b"}) rig.append_small(value);
  rig.persist();
  rig.append_large();
  rig.append_small("c");
  rig.persist();
  rig.must_read_all();
  rig.append_large();
  rig.append_small("d");
  rig.persist();
  rig.start_again();
  rig.checkpoint();
  rig.append_large();
  rig.persist();
  rig.start_again();
}

TEST_CASE("behind a message that came through an exchange a large batch goes by way of the journal, until the checkpoint") {
  HomeRig rig;
  rig.take_message("m");
  rig.append_large();
  rig.persist();
  CHECK(segments_of(rig).empty());
  rig.checkpoint();
  CHECK(segments_of(rig).size() == 1);
  const auto segment_size = [&] {
    return rig.files.open("/store/topics/5/0/" + segments_of(rig).front()).value()->size().value();
  };
  const std::uint64_t size_before = segment_size();
  rig.append_large();
  rig.persist();
  CHECK(segment_size() >= size_before + large_size_bytes);
  CHECK(rig.values(home_partition, 1).size() == 2);
  rig.kill();
  CHECK(rig.problems() == std::vector<std::string>{});
}

TEST_CASE("large batches begin new segments as checkpoints do") {
  HomeRig rig("10000");
  for (int i = 0; i < 20; ++i) {
    rig.append_large();
    if (i % 3 == 0) rig.append_small("s");
    rig.persist();
    if (i == 10) rig.checkpoint();
  }
  rig.must_read_all();
  CHECK(segments_of(rig).size() >= 6);
  rig.start_again();
  rig.append_large();
  rig.persist();
  rig.start_again();
}

TEST_CASE("a tail that went home before a cut whose checkpoint is lost is found again, also when a segment was full") {
  for (const std::size_t behind : {0, 1, 4}) {
    CAPTURE(behind);
    HomeRig rig("10000");
    for (int i = 0; i < 3; ++i) rig.append_large();
    rig.append_small("in the tail");
    rig.persist();
    rig.store->begin_checkpoint(rig.state());
    rig.settle_journal();
    for (std::size_t i = 0; i < behind; ++i) rig.append_large();
    rig.store->flush();
    rig.settle_journal();
    rig.start_again();
  }
}

TEST_CASE("a checkpoint does not know of a tail that went home before its cut until that is on the disk") {
  std::mt19937_64 random(7);
  HomeRig rig;
  rig.append_large();
  rig.append_small("in the tail");
  rig.persist();
  rig.store->begin_checkpoint(rig.state());
  // All of the journal is on the disk already, so only the tail is to be waited for.
  for (bool worked = true; worked;) {
    worked = rig.store->pump_one(storage::Store::Background::checkpoint);
    for (int tasks = 0; tasks < 10 && !rig.posted.empty(); ++tasks) {
      auto task = std::move(rig.posted.front());
      rig.posted.pop_front();
      task();
    }
  }
  CHECK(rig.checkpoints == 0);
  rig.crash(random);
  CHECK(rig.problems() == std::vector<std::string>{});
  rig.must_open();
  rig.must_read_all();
}

TEST_CASE("what is trimmed stays in its segment for as long as large batches may come behind it") {
  HomeRig rig;
  for (int i = 0; i < 3; ++i) rig.append_large();
  rig.record(core::Trimmed{home_partition, 3});
  rig.append_large();
  rig.persist();
  rig.record(core::Trimmed{home_partition, 4});
  rig.persist();
  rig.append_large();
  rig.persist();
  CHECK(rig.values(home_partition, 4).size() == 1);
  rig.kill();
  CHECK(rig.problems() == std::vector<std::string>{});
  rig.must_open();
  CHECK(rig.values(home_partition, 4).size() == 1);
}

TEST_CASE("whatever a crash leaves of a group with large batches, all of it is there or none of it") {
  std::mt19937_64 random(7);
  for (int round = 0; round < 60; ++round) {
    HomeRig rig;
    rig.append_large();
    rig.persist();
    const auto confirmed = rig.appended;
    rig.append_small("s");
    rig.append_large();
    rig.store->flush();
    for (std::uint64_t steps = random() % 4; steps > 0; --steps) rig.store->pump_one(storage::Store::Background::journal);
    rig.crash(random);
    CHECK(rig.problems() == std::vector<std::string>{});
    rig.must_open();
    const auto found = rig.replayed_of<core::Appended>().size();
    rig.ends[home_partition] = static_cast<Offset>(found);
    CHECK(found >= confirmed.size());
    CHECK(rig.values(home_partition) == std::vector(rig.appended.begin(), rig.appended.begin() + static_cast<std::ptrdiff_t>(found)));
  }
}

TEST_CASE("a flipped bit of a large batch is reported by who reads it and by the offline check, before any checkpoint") {
  HomeRig rig;
  for (int i = 0; i < 3; ++i) rig.append_large();
  rig.persist();
  rig.kill();
  const std::string path = "/store/topics/5/0/00000000000000000000.segment";
  rig.files.flip_bit(path, 4'000);
  REQUIRE(rig.problems().size() == 1);
  CHECK(rig.problems().front().find(path) != std::string::npos);
  rig.must_open();
  CHECK(rig.fetch(home_partition, 0, 3, 1).ok());
  const auto damaged = rig.fetch(home_partition, 1, 3, 1);
  REQUIRE_FALSE(damaged.ok());
  CHECK(damaged.error().code == ErrorCode::corrupt);
}

TEST_CASE("a record that names a place where its segment does not end is damage, with the place") {
  HomeRig rig;
  rig.append_large();
  rig.persist();
  rig.kill();
  REQUIRE(rig.files.remove("/store/topics/5/0/00000000000000000000.segment").ok());
  REQUIRE(rig.problems().size() == 1);

  const storage::TopicSegmentFacts newest{.base = 0, .end = 10, .size_bytes = 500};
  const auto text_at = [&](std::uint64_t position, Offset base) {
    const auto growth = storage::growth_at(&newest, {entry_at(base, 50)}, position);
    return growth.ok() ? std::string("fits") : growth.error().text;
  };
  CHECK(text_at(500, 10) == "fits");
  CHECK(text_at(0, 10) == "fits");
  CHECK(text_at(499, 10).find("ends at byte 500") != std::string::npos);
  CHECK(text_at(500, 9).find("has that offset already") != std::string::npos);
  CHECK_FALSE(storage::growth_at(nullptr, {entry_at(0, 50)}, 500).ok());
  CHECK_FALSE(storage::growth_at(&newest, {entry_at(10, 50), entry_at(11, 50)}, 49).ok());
}

}  // namespace tandem
