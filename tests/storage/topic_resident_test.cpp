// Topic batches that come fast: they go home while they are still in RAM, and are read from there.
#include "tests/storage/store_support.h"

namespace tandem {
namespace {

using storage::FileOperation;

const TopicId heavy_topic{5};
const PartitionId heavy{heavy_topic, 0};
constexpr std::size_t value_size_bytes = 100'000;
constexpr std::size_t cache_size_bytes = 4u << 20;

std::string heavy_value(int i) {
  std::string text = std::to_string(i) + " ";
  text.resize(value_size_bytes, static_cast<char>('a' + i % 26));
  return text;
}

std::vector<std::string> heavy_values(int from, int to) {
  std::vector<std::string> made;
  for (int i = from; i < to; ++i) made.push_back(heavy_value(i));
  return made;
}

struct HeavyRig : test::StoreRig {
  HeavyRig() {
    options.body_cache_max_bytes = cache_size_bytes;
    options.journal_segment_size_bytes = 8u << 20;
    must_open();
    create_topic(heavy_topic);
  }
  void append_values(int from, int to) {
    for (int i = from; i < to; ++i) append(heavy, {heavy_value(i)});
    persist();
  }
};

}  // namespace

TEST_CASE("large tails go home from memory, and are read from there afterwards") {
  HeavyRig rig;
  rig.append_values(0, 10);
  rig.files.set_cold(true);
  const auto reads = rig.files.count(FileOperation::read);
  rig.checkpoint();
  CHECK(rig.values(heavy) == heavy_values(0, 10));
  CHECK(rig.files.count(FileOperation::read) == reads);
  // What is in the segment is the same.
  rig.close(rig.state());
  rig.must_open();
  CHECK(rig.values(heavy) == heavy_values(0, 10));
}

TEST_CASE("what left the memory is read from the segments, and what follows it from memory again") {
  HeavyRig rig;
  for (int begin = 0; begin < 100; begin += 10) {
    rig.append_values(begin, begin + 10);
    rig.checkpoint();
  }
  rig.files.set_cold(true);
  const auto reads = rig.files.count(FileOperation::read);
  CHECK(rig.values(heavy) == heavy_values(0, 100));
  const auto reads_of_all = rig.files.count(FileOperation::read) - reads;
  CHECK(reads_of_all > 0);
  CHECK(rig.values(heavy, 90) == heavy_values(90, 100));
  CHECK(rig.files.count(FileOperation::read) == reads + reads_of_all);
}

TEST_CASE("small tails do not stay in memory: their entries would weigh more than they") {
  HeavyRig rig;
  for (int i = 0; i < 20; ++i) rig.append(heavy, {"small"});
  rig.persist();
  rig.checkpoint();
  rig.files.set_cold(true);
  const auto reads = rig.files.count(FileOperation::read);
  CHECK(rig.values(heavy).size() == 20);
  CHECK(rig.files.count(FileOperation::read) > reads);
}

TEST_CASE("a partition that gets nothing any more keeps nothing of what left the memory") {
  HeavyRig rig;
  rig.append_values(0, 10);
  rig.checkpoint();
  CHECK(rig.store->usage().recent_entries == 10);
  const TopicId other{6};
  rig.create_topic(other);
  for (int i = 0; i < 100; ++i) rig.append({other, 0}, {heavy_value(i)});
  rig.persist();
  rig.checkpoint();
  CHECK(rig.store->usage().recent_entries == 100);
  rig.store->drop_topic(other);
  rig.append_values(10, 11);
  rig.checkpoint();
  CHECK(rig.store->usage().recent_entries == 1);
}

TEST_CASE("a checkpoint is wanted while the large tails are in memory, and appends wait for a slow one") {
  HeavyRig rig;
  int next = 0;
  while (!rig.store->checkpoint_wanted()) {
    REQUIRE(next * value_size_bytes < cache_size_bytes);
    rig.append_values(next, next + 1);
    next += 1;
  }
  CHECK(next * value_size_bytes >= cache_size_bytes / 4);
  rig.store->begin_checkpoint(rig.state());
  const int begun = next;
  while (!rig.store->behind()) {
    REQUIRE(next * value_size_bytes < 2 * cache_size_bytes);
    rig.append(heavy, {heavy_value(next++)});
  }
  CHECK(next > begun);
  rig.settle();
  CHECK(rig.checkpoints == 1);
  CHECK(!rig.store->behind());
  rig.persist();
  CHECK(rig.values(heavy) == heavy_values(0, next));
}

TEST_CASE("when the disk is full nobody waits for the checkpoint that waits for room") {
  HeavyRig rig;
  rig.append_values(0, 25);
  rig.files.fail(1, storage::FaultKind::disk_full, FileOperation::create);
  rig.store->begin_checkpoint(rig.state());
  rig.settle();
  REQUIRE(rig.checkpoints == 0);
  rig.append_values(25, 50);
  CHECK(!rig.store->behind());
  rig.retry();
  CHECK(rig.checkpoints == 1);
  CHECK(rig.values(heavy) == heavy_values(0, 50));
}

TEST_CASE("a topic that goes takes its part of the tails with it") {
  HeavyRig rig;
  rig.append_values(0, 25);
  REQUIRE(rig.store->checkpoint_wanted());
  rig.store->drop_topic(heavy_topic);
  CHECK(!rig.store->checkpoint_wanted());
}

}  // namespace tandem
