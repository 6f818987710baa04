// Compaction and every failure that its files can have: whatever fails, and wherever the power goes, of each key the newest
// record is found.
#include "tests/storage/compaction_support.h"

namespace tandem::compaction_recovery_test {
namespace {

using test::CompactionRig;
using Newest = std::map<std::string, std::optional<std::string>>;

/// 200 records for 7 keys, and a tombstone, homed in closed segments.
void prepare(CompactionRig& rig) {
  rig.must_open();
  rig.create({{"delete.retention.ms", "500"}});
  for (int i = 0; i < 100; ++i)
    rig.append_keyed({{"k" + std::to_string(i % 7), "v" + std::to_string(i)}, {"gone", "v"}});
  rig.append_keyed({{"gone", std::nullopt}});
  rig.close_segments();
}

/// What readers may find: with or without the tombstone's key.
void check_newest(CompactionRig& rig, Newest expected) {
  Newest found = rig.newest();
  if (const auto gone = found.find("gone"); gone != found.end()) {
    CHECK_FALSE(gone->second.has_value());
    found.erase(gone);
  }
  expected.erase("gone");
  CHECK(found == expected);
}

/// Compaction, a checkpoint, later the tombstones, another checkpoint. Stops where something fails.
void story(CompactionRig& rig) {
  for (const TimestampMs now : {1000, 2000}) {
    if (!rig.failures.empty()) return;
    rig.store->background(now);
    rig.settle();
    if (!rig.failures.empty()) return;
    rig.store->begin_checkpoint(rig.state());
    rig.settle();
  }
}

}  // namespace

TEST_CASE("each operation of a compaction fails once: nothing is lost, and the next one does it") {
  std::uint64_t operations = 0;
  Newest expected;
  {
    CompactionRig rig;
    prepare(rig);
    expected = rig.newest();
    const auto before = rig.files.count();
    story(rig);
    operations = rig.files.count() - before;
    CHECK(rig.compactions.size() == 2);
    check_newest(rig, expected);
  }
  REQUIRE(operations > 30);
  for (const auto kind : {storage::FaultKind::io_error, storage::FaultKind::short_write})
    for (std::uint64_t nth = 1; nth <= operations; ++nth) {
      CAPTURE(nth);
      CompactionRig rig;
      prepare(rig);
      rig.files.fail(nth, kind);
      story(rig);
      rig.files.clear_faults();
      if (rig.failures.empty()) check_newest(rig, expected);
      rig.kill();
      rig.failures.clear();
      rig.must_open();
      check_newest(rig, expected);
      story(rig);
      check_newest(rig, expected);
      rig.close(rig.state());
      CHECK(rig.problems().empty());
    }
}

TEST_CASE("the power goes at each operation of a compaction, and any part of what was not synced is lost") {
  std::uint64_t operations = 0;
  Newest expected;
  {
    CompactionRig rig;
    prepare(rig);
    expected = rig.newest();
    const auto before = rig.files.count();
    story(rig);
    operations = rig.files.count() - before;
  }
  std::mt19937_64 random(20261121);
  for (std::uint64_t nth = 1; nth <= operations; ++nth)
    for (int variant = 0; variant < 3; ++variant) {
      CAPTURE(nth);
      CompactionRig rig;
      prepare(rig);
      rig.files.fail(nth, storage::FaultKind::power_off);
      story(rig);
      rig.crash(random);
      rig.failures.clear();
      rig.must_open();
      rig.settle();
      check_newest(rig, expected);
      story(rig);
      check_newest(rig, expected);
      rig.close(rig.state());
      CHECK(rig.problems().empty());
      std::size_t segments = 0;
      for (const auto& name : rig.file_names()) segments += name.ends_with(".segment");
      CHECK(segments <= 4);  // no leftovers
    }
}

}  // namespace tandem::compaction_recovery_test
