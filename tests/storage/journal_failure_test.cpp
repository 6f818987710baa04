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
