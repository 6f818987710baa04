// What the journal does when the disk does not do its part.
#include <doctest/doctest.h>

#include "broker/storage/journal.h"
#include "tests/storage/journal_support.h"

using namespace tandem;
using namespace tandem::storage;
using test::body_text;
using test::JournalRig;

TEST_CASE("a failed write or sync is told once, and nothing is written or confirmed after it") {
  for (const auto operation : {FileOperation::write, FileOperation::sync})
    for (const auto kind : {FaultKind::io_error, FaultKind::disk_full, FaultKind::short_write}) {
      if (operation == FileOperation::write && kind != FaultKind::io_error) continue;  // see below
      JournalRig rig;
      REQUIRE(rig.open().ok());
      rig.settle();
      rig.publish(1, "fine");
      rig.journal->flush();
      rig.settle();
      rig.files.fail(1, kind, operation);
      rig.publish(2, "lost");
      rig.journal->flush();
      rig.publish(3, "never tried");
      rig.settle();
      rig.journal->flush();
      rig.settle();
      CHECK(rig.persisted_through == 1);
      REQUIRE(rig.failures.size() == 1);
      CHECK(rig.failures[0].text.find(".seg") != std::string::npos);
      CHECK(rig.journal->behind());
      CHECK(!rig.journal->drain().ok());
    }
}

TEST_CASE("whichever file operation fails first, open says so, and works at the next try") {
  for (std::uint64_t nth = 1;; ++nth) {
    JournalRig rig;
    REQUIRE(rig.open().ok());
    for (TurnNumber turn = 1; turn <= 20; ++turn) rig.publish_sized(turn, 5'000);
    REQUIRE(rig.journal->drain().ok());
    rig.forget();
    rig.files.kill();
    rig.files.fail(nth, FaultKind::io_error);
    const auto before = rig.files.count();
    const auto opened = rig.open();
    if (opened.ok()) {
      CHECK(rig.files.count() - before < nth);
      CHECK(nth > 5);
      break;
    }
    CHECK(opened.error().text.find("Input/output error") != std::string::npos);
    rig.forget();
    rig.files.kill();
    REQUIRE(rig.open().ok());
    CHECK(rig.replayed.size() == 20);
  }
}

TEST_CASE("when no spare can be made the journal grows instead") {
  JournalRig rig;
  rig.files.fail(1, FaultKind::disk_full, FileOperation::create);
  CHECK(!rig.open().ok());
  REQUIRE(rig.open().ok());
  rig.files.fail(1, FaultKind::disk_full, FileOperation::create);
  rig.background.pump();
  CHECK(rig.segments->wants_spare());
  for (TurnNumber turn = 1; turn <= 30; ++turn) {
    rig.publish_sized(turn, 9'000);
    rig.journal->flush();
    rig.settle();
  }
  CHECK(rig.persisted_through == 30);
  CHECK(rig.failures.empty());
}

TEST_CASE("a group that finds no room waits, is not confirmed, and is written when there is room again") {
  for (const auto kind : {FaultKind::disk_full, FaultKind::short_write})
    for (const auto operation : {FileOperation::write, FileOperation::create, FileOperation::rename})
      for (const bool crashes : {false, true}) {
        JournalRig rig;
        REQUIRE(rig.open().ok());
        if (operation == FileOperation::create) rig.files.fail(1, kind, FileOperation::create);  // of the spare
        rig.settle();
        TurnNumber turn = 0;
        rig.files.fail(1, kind, operation);
        while (rig.stalls.empty() && turn < 30) {
          rig.publish_sized(++turn, 9'000);
          rig.journal->flush();
          rig.settle();
        }
        REQUIRE(rig.stalls.size() == 1);
        CHECK(rig.failures.empty());
        CHECK(rig.journal->behind());
        const TurnNumber before = rig.persisted_through;
        CHECK(before == turn - 1);
        rig.publish_sized(++turn, 9'000);
        rig.journal->flush();
        rig.settle();
        CHECK(rig.persisted_through == before);
        if (crashes) {
          rig.forget();
          rig.files.kill();
          REQUIRE(rig.open().ok());
          CHECK(rig.replayed.size() >= before);
          continue;
        }
        rig.journal->retry();
        rig.settle();
        CHECK(rig.persisted_through == turn);
        CHECK(!rig.journal->behind());
        rig.forget();
        rig.files.kill();
        REQUIRE(rig.open().ok());
        CHECK(rig.replayed.size() == turn);
      }
}

TEST_CASE("a full group waits at the journal's thread, and behind one that finds no room it is not written before it") {
  for (const bool is_full : {false, true})
    for (const bool crashes : {false, true}) {
      JournalRig rig({.journal = {.group_size_max_bytes = 20'000}});
      REQUIRE(rig.open().ok());
      rig.settle();
      TurnNumber turn = 0;
      if (is_full) rig.files.fail(1, FaultKind::disk_full, FileOperation::write);
      const auto groups = rig.journal->groups();
      const auto publish = [&](int count) {
        for (int i = 0; i < count; ++i) rig.publish_sized(++turn, 9'000);
        rig.journal->flush();
      };
      publish(1);  // handed over
      publish(1);  // not full: it waits here
      publish(2);  // full: handed over with it
      publish(3);  // two are under way
      CHECK(rig.journal->behind());
      if (!is_full) {
        CHECK(rig.writer.pump());
        CHECK(rig.writer.pump());
        CHECK(!rig.writer.pump());
      }
      rig.settle();
      CHECK(rig.failures.empty());
      CHECK(rig.stalls.size() == (is_full ? 1 : 0));
      CHECK(rig.persisted_through == (is_full ? 0 : turn));
      if (is_full && !crashes) {
        rig.files.fail(2, FaultKind::disk_full, FileOperation::write);  // the second, this time
        rig.journal->retry();
        rig.settle();
        CHECK(rig.stalls.size() == 2);
        CHECK(rig.persisted_through == 1);
        rig.journal->retry();
        rig.settle();
        CHECK(rig.persisted_through == turn);
        CHECK(rig.journal->groups() == groups + 3);
      }
      rig.forget();
      rig.files.kill();
      REQUIRE(rig.open().ok());
      CHECK(rig.replayed.size() == (is_full && crashes ? 0 : turn));
    }
}

TEST_CASE("a close while the disk is full says so, and what was not confirmed may be lost but nothing else") {
  JournalRig rig;
  REQUIRE(rig.open().ok());
  rig.publish(1, "fine");
  REQUIRE(rig.journal->drain().ok());
  rig.files.fail(1, FaultKind::disk_full, FileOperation::write);
  rig.publish(2, "no room");
  const auto drained = rig.journal->drain();
  REQUIRE(!drained.ok());
  CHECK(drained.error().code == ErrorCode::resource_alarm);
  CHECK(rig.journal->drain().ok());  // there is room again
  CHECK(rig.persisted_through == 2);
}

TEST_CASE("spare segments that a burst left are given back one by one") {
  JournalRig rig;
  REQUIRE(rig.open().ok());
  for (TurnNumber turn = 1; turn <= 60; ++turn) {
    rig.publish_sized(turn, 9'000);
    rig.journal->flush();
    rig.settle();
  }
  const auto position = rig.journal->cut();
  rig.settle();
  rig.journal->recycle_below(position.position);
  rig.settle();
  const std::size_t spares = rig.segments->spares();
  REQUIRE(spares > 4);
  const auto size_before = rig.segments->size_bytes();
  REQUIRE(rig.segments->remove_surplus_spare(4).ok());
  CHECK(rig.segments->spares() == spares - 1);
  CHECK(rig.segments->size_bytes() < size_before);
  for (std::size_t i = 0; i < spares; ++i) REQUIRE(rig.segments->remove_surplus_spare(4).ok());
  CHECK(rig.segments->spares() == 4);
}

TEST_CASE("spares that crashes left half made do not add up") {
  JournalRig rig;
  REQUIRE(rig.open().ok());
  rig.settle();
  const auto size_before = rig.segments->size_bytes();
  for (int crash = 1; crash <= 8; ++crash) {
    rig.forget();
    rig.files.kill();
    auto half = rig.files.create("/journal/spare-" + std::to_string(100 * crash) + ".seg");
    REQUIRE(half.ok());
    REQUIRE((*half)->prewrite(0, 3 * storage::journal_block_bytes).ok());
    half = Error{};
    REQUIRE(rig.open().ok());
    CHECK(rig.segments->size_bytes() > size_before);
    rig.settle();
    CHECK(rig.segments->size_bytes() == size_before);
    CHECK(rig.segments->spares() == 1);
  }
}
