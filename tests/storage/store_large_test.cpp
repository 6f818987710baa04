// Large messages through the store: their order, what a checkpoint does to them, and what the offline check says.
#include <doctest/doctest.h>

#include "tests/storage/store_support.h"

using namespace tandem;
using namespace tandem::storage;

namespace {

constexpr QueueId q1{1};

/// Stages it, and names it in queue 1 as soon as it is staged.
struct LargeMessage {
  LargeMessage(test::StoreRig& store_rig, QueueSeq seq, std::size_t size = 600'000) : rig(store_rig), text(size, static_cast<char>('a' + seq)) {
    entry.seq = seq;
    entry.size_bytes = static_cast<std::uint32_t>(size);
    entry.durable = true;
    which = rig.store->stage_large({bytes_of(text).first(10)}, bytes_of(text).subspan(10), [this](BodyHandle body) {
      entry.body = body;
      rig.record(core::Enqueued{q1, entry, false});
    });
  }
  bool staged() const { return entry.body.value != 0; }

  test::StoreRig& rig;
  const std::string text;
  core::QueueEntry entry;
  std::uint64_t which = 0;
};

}  // namespace

TEST_CASE("large messages are staged one after the other, and one that nobody wants any more is not") {
  test::StoreRig rig;
  rig.must_open();
  rig.declare_queue(q1);
  LargeMessage first(rig, 1), unwanted(rig, 2), last(rig, 3);
  rig.store->flush();
  CHECK_FALSE(rig.store->unstage_large(first.which));
  CHECK(rig.store->unstage_large(unwanted.which));
  for (int i = 0; i < 5; ++i) rig.persist();
  CHECK(first.staged());
  CHECK_FALSE(unwanted.staged());
  CHECK(last.staged());
  CHECK(first.entry.body.value < last.entry.body.value);
  rig.kill();
  rig.must_open();
  CHECK(rig.replayed_of<core::Enqueued>().size() == 2);
  CHECK(rig.read(first.entry.body, first.text.size()) == first.text);
  CHECK(rig.read(last.entry.body, last.text.size()) == last.text);
}

TEST_CASE("a checkpoint that is due comes before the next large message, and not into one") {
  test::StoreRig rig;
  rig.options.checkpoint_interval_bytes = 500'000;
  rig.must_open();
  rig.declare_queue(q1);
  LargeMessage first(rig, 1), second(rig, 2);
  rig.store->flush();
  CHECK_FALSE(rig.store->checkpoint_wanted());  // its stretch alone is larger
  for (int i = 0; i < 5; ++i) rig.persist();
  REQUIRE(first.staged());
  CHECK_FALSE(second.staged());
  REQUIRE(rig.store->checkpoint_wanted());
  core::Survivors survivors;
  survivors.queue = q1;
  survivors.entries = {first.entry};
  rig.checkpoint({survivors});
  REQUIRE(rig.stored.size() == 1);
  for (int i = 0; i < 5; ++i) rig.persist();
  CHECK(second.staged());
  rig.kill();
  rig.must_open();
  CHECK(rig.replayed_of<core::Enqueued>().size() == 1);
  const auto homed = rig.load_run(q1, rig.stored[0].run.run);
  REQUIRE(homed.ok());
  CHECK(rig.read(homed->front().body, first.text.size()) == first.text);
  CHECK(rig.read(second.entry.body, second.text.size()) == second.text);
}

TEST_CASE("a large message that finds no room does not keep checkpoints from making some") {
  test::StoreRig rig;
  rig.options.checkpoint_interval_bytes = 100'000;
  rig.must_open();
  rig.declare_queue(q1);
  rig.persist();
  LargeMessage large(rig, 1);
  rig.store->flush();
  rig.store->pump_one(Store::Background::journal);
  while (!rig.posted.empty()) {
    const auto task = std::move(rig.posted.front());
    rig.posted.pop_front();
    task();
  }
  rig.files.fail(1, FaultKind::disk_full, FileOperation::write);
  rig.store->pump_one(Store::Background::large);
  CHECK_FALSE(rig.store->checkpoint_wanted());
  rig.settle();
  CHECK_FALSE(large.staged());
  CHECK(rig.store->checkpoint_wanted());
  rig.checkpoint();
  rig.retry();
  for (int i = 0; i < 5; ++i) rig.persist();
  REQUIRE(large.staged());
  CHECK(rig.read(large.entry.body, large.text.size()) == large.text);
}

TEST_CASE("the offline check reads large messages, and says which one is damaged") {
  test::StoreRig rig;
  rig.options.journal_segment_size_bytes = 4u << 20;
  rig.must_open();
  rig.declare_queue(q1);
  LargeMessage sound(rig, 1, 400'000), damaged(rig, 2, 400'000);
  for (int i = 0; i < 5; ++i) rig.persist();
  REQUIRE(damaged.staged());
  rig.kill();
  auto report = check_store(rig.options.directory, rig.files, rig.options.lmdb_directory);
  REQUIRE(report.ok());
  CHECK(report->problems.empty());
  rig.files.flip_bit(rig.options.directory + "/journal/0000000000000001.seg", damaged.entry.body.value + 300'000);
  report = check_store(rig.options.directory, rig.files, rig.options.lmdb_directory);
  REQUIRE(report.ok());
  REQUIRE(report->problems.size() == 1);
  CHECK(report->problems[0].find(std::to_string(damaged.entry.body.value)) != std::string::npos);
  rig.must_open();
  CHECK(rig.read(sound.entry.body, sound.text.size()) == sound.text);
  CHECK(rig.read(damaged.entry.body, damaged.text.size()).find("damaged") != std::string::npos);
}
