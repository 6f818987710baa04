#include "broker/storage/journal.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/storage/journal_support.h"

using namespace tandem;
using namespace tandem::storage;
using test::body_text;
using test::JournalRig;

namespace {

const core::Enqueued& enqueued_in(const std::pair<TurnNumber, core::Record>& replayed) {
  return std::get<core::Enqueued>(replayed.second);
}

}  // namespace

TEST_CASE("a turn is persisted after one write and one sync, and is there after a restart") {
  JournalRig rig;
  REQUIRE(rig.open().ok());
  rig.settle();
  const auto writes = rig.files.count(FileOperation::write);
  const auto syncs = rig.files.count(FileOperation::sync);

  const BodyHandle body = rig.publish(1, "hello");
  CHECK(rig.persisted_through == 0);
  rig.journal->flush();
  CHECK(rig.persisted_through == 0);
  rig.settle();
  CHECK(rig.persisted_through == 1);
  CHECK(rig.files.count(FileOperation::write) == writes + 1);
  CHECK(rig.files.count(FileOperation::sync) == syncs + 1);

  std::mt19937_64 random(1);
  rig.crash(random);
  REQUIRE(rig.open().ok());
  REQUIRE(rig.replayed.size() == 1);
  CHECK(rig.replayed[0] == std::pair<TurnNumber, core::Record>(1, test::enqueued(1, body, 5)));
  CHECK(rig.end.last_turn == 1);
  CHECK(rig.read(body, 5) == "hello");
}

TEST_CASE("a group of one block is on disk when flush() returns, if the sync before was quick") {
  JournalRig::Options options;
  options.journal.quick_sync_max = std::chrono::microseconds::max();
  JournalRig rig(options);
  REQUIRE(rig.open().ok());
  rig.publish(1, "the first one finds out how quick the disk is");
  rig.journal->flush();
  rig.settle();
  const auto syncs = rig.files.count(FileOperation::sync);

  rig.publish(2, "hello");
  rig.journal->flush_ahead();
  CHECK(rig.files.count(FileOperation::sync) == syncs);
  rig.journal->flush();
  CHECK(rig.files.count(FileOperation::sync) == syncs + 1);
  CHECK(!rig.writer.pump());  // the journal's thread was given nothing
  CHECK(rig.persisted_through == 1);
  rig.run_posted();
  CHECK(rig.persisted_through == 2);

  rig.publish(3, std::string(5'000, 'x'));
  rig.journal->flush_ahead();
  CHECK(rig.files.count(FileOperation::sync) == syncs + 1);
  CHECK(rig.writer.pump());
  rig.publish(4, "behind one that is under way");
  rig.journal->flush();
  rig.run_posted();
  CHECK(rig.persisted_through == 3);
  rig.journal->flush();
  rig.settle();
  CHECK(rig.persisted_through == 4);

  std::mt19937_64 random(1);
  rig.crash(random);
  REQUIRE(rig.open().ok());
  CHECK(rig.replayed.size() == 4);
}

TEST_CASE("turns that gather while the disk works are persisted together, in one group") {
  JournalRig rig;
  REQUIRE(rig.open().ok());
  rig.publish(1, "a");
  rig.journal->flush();
  for (TurnNumber turn = 2; turn <= 50; ++turn) {
    rig.publish(turn, "b");
    rig.journal->flush();
  }
  const auto syncs = rig.files.count(FileOperation::sync);
  rig.writer.pump();
  rig.run_posted();
  CHECK(rig.persisted_through == 1);
  rig.writer.pump();
  rig.run_posted();
  CHECK(rig.persisted_through == 50);
  CHECK(rig.files.count(FileOperation::sync) == syncs + 2);
  CHECK(rig.journal->groups() == 2);
}

TEST_CASE("parts are joined, and the body is resident at once") {
  JournalRig rig;
  REQUIRE(rig.open().ok());
  const BodyHandle body = rig.journal->stage({bytes_of("one "), {}, bytes_of("two "), bytes_of("three")});
  const StoredBytes bytes = rig.cache->resident(body, 13);
  REQUIRE(bytes.owner != nullptr);
  CHECK(text_of(bytes.bytes) == "one two three");
}

TEST_CASE("a body that is larger than a buffer may follow one that was unstaged at the buffer's beginning") {
  JournalRig::Options options;
  options.journal.buffer_size_bytes = 2 * journal_block_bytes;
  JournalRig rig(options);
  REQUIRE(rig.open().ok());
  rig.publish_sized(1, 3'000);
  rig.journal->flush();
  rig.settle();
  rig.journal->stage({bytes_of("refused: the first in its buffer")});
  rig.journal->unstage();
  const BodyHandle body = rig.publish_sized(2, 20'000);
  REQUIRE(rig.journal->drain().ok());
  CHECK(rig.read(body, 20'000) == body_text(2, 20'000));
  rig.forget();
  rig.files.kill();
  REQUIRE(rig.open().ok());
  CHECK(rig.replayed.size() == 2);
}

TEST_CASE("what was unstaged takes no room") {
  JournalRig rig;
  REQUIRE(rig.open().ok());
  rig.publish(1, "kept");
  const Lsn end = rig.journal->end();
  rig.journal->stage({bytes_of("nobody wants this")});
  rig.journal->stage({bytes_of("nor this")});
  rig.journal->unstage();
  CHECK(rig.journal->end() == end);
  rig.journal->unstage();
  CHECK(rig.journal->end() == end);
}

TEST_CASE("a staged body can be changed in place until it is handed over") {
  JournalRig rig;
  REQUIRE(rig.open().ok());
  const BodyHandle body = rig.publish(1, "base offset 0");
  auto bytes = rig.journal->editable(body, 13);
  REQUIRE(bytes.size() == 13);
  bytes[12] = std::byte{'7'};
  rig.journal->flush();
  CHECK(rig.journal->editable(body, 13).empty());
  rig.settle();
  rig.forget();
  rig.files.kill();
  REQUIRE(rig.open().ok());
  CHECK(rig.read(body, 13) == "base offset 7");
}

TEST_CASE("records that are not durable are not written, and durable ones of the same turn are") {
  JournalRig rig;
  REQUIRE(rig.open().ok());
  const BodyHandle body = rig.journal->stage({bytes_of("x")});
  const std::vector<core::Record> records{test::enqueued(1, body, 1, false),
                                          test::enqueued(2, body, 1, true)};
  rig.journal->write(records, 1);
  rig.journal->flush();
  rig.settle();
  rig.forget();
  rig.files.kill();
  REQUIRE(rig.open().ok());
  REQUIRE(rig.replayed.size() == 1);
  CHECK(enqueued_in(rig.replayed[0]).entry.seq == 2);
}

TEST_CASE("without a durable record nothing is synced, and the bodies can be read all the same") {
  JournalRig rig({.segment_size_bytes = 1u << 20, .cache_size_bytes = 128u << 10, .journal = {}});
  REQUIRE(rig.open().ok());
  rig.settle();
  const auto syncs = rig.files.count(FileOperation::sync);
  std::vector<BodyHandle> bodies;
  for (std::uint64_t i = 0; i < 900; ++i) {
    bodies.push_back(rig.journal->stage({bytes_of(body_text(i, 1000))}));
    const core::Record record = test::enqueued(i, bodies.back(), 1000, false);
    rig.journal->write({&record, 1}, 0);
    rig.journal->flush();
    rig.settle();
  }
  CHECK(rig.files.count(FileOperation::sync) == syncs);
  CHECK(rig.persisted_through == 0);
  for (std::uint64_t i = 0; i < 900; ++i) CHECK(rig.read(bodies[i], 1000) == body_text(i, 1000));
}

TEST_CASE("the journal goes over many segments, and over messages larger than a segment") {
  JournalRig rig;
  REQUIRE(rig.open().ok());
  std::vector<std::pair<BodyHandle, std::size_t>> bodies;
  for (TurnNumber turn = 1; turn <= 60; ++turn) {
    const std::size_t size = turn == 30 ? 200'000 : 5'000 + 97 * turn;
    bodies.emplace_back(rig.publish_sized(turn, size), size);
    rig.journal->flush();
    rig.settle();
  }
  CHECK(rig.persisted_through == 60);
  CHECK(rig.live_segments() > 5);
  std::mt19937_64 random(5);
  rig.crash(random);
  REQUIRE(rig.open().ok());
  REQUIRE(rig.replayed.size() == 60);
  for (TurnNumber turn = 1; turn <= 60; ++turn) {
    const auto [body, size] = bodies[turn - 1];
    CHECK(rig.replayed[turn - 1].first == turn);
    CHECK(enqueued_in(rig.replayed[turn - 1]).entry.body == body);
    CHECK(rig.read(body, size) == body_text(turn, size));
  }
}

TEST_CASE("a turn whose records are larger than a segment stays in one frame") {
  JournalRig rig;
  REQUIRE(rig.open().ok());
  std::vector<core::Record> records;
  for (std::uint64_t seq = 1; seq <= 20'000; ++seq) records.push_back(test::enqueued(seq, {}, 1));
  rig.publish(1, "before");
  rig.journal->write(records, 2);
  rig.publish(3, "after");
  rig.journal->flush();
  rig.settle();
  rig.forget();
  rig.files.kill();
  REQUIRE(rig.open().ok());
  REQUIRE(rig.replayed.size() == 20'002);
  CHECK(rig.replayed[1].first == 2);
  CHECK(rig.replayed[20'000].first == 2);
  CHECK(rig.replayed[20'001].first == 3);
}

TEST_CASE("bodies that were staged before a segment's end still belong to the turn behind it") {
  JournalRig rig;
  REQUIRE(rig.open().ok());
  std::vector<core::Record> records;
  std::vector<BodyHandle> bodies;
  for (std::uint64_t i = 0; i < 20; ++i) {
    bodies.push_back(rig.journal->stage({bytes_of(body_text(i, 10'000))}));
    records.push_back(test::enqueued(i, bodies.back(), 10'000));
  }
  rig.journal->write(records, 1);
  rig.journal->flush();
  rig.settle();
  rig.forget();
  rig.files.kill();
  REQUIRE(rig.open().ok());
  CHECK(rig.replayed.size() == 20);
  for (std::uint64_t i = 0; i < 20; ++i) CHECK(rig.read(bodies[i], 10'000) == body_text(i, 10'000));
}

TEST_CASE("segments below a checkpoint are recycled by renaming: nothing is created or removed any more") {
  JournalRig rig;
  REQUIRE(rig.open().ok());
  TurnNumber turn = 0;
  std::uint64_t creates_when_warm = 0;
  for (int round = 0; round < 30; ++round) {
    for (int i = 0; i < 10; ++i) rig.publish_sized(++turn, 9'000);
    const JournalPosition position = rig.journal->cut();
    rig.settle();
    CHECK(rig.journal->durable_through() >= position.position);
    rig.journal->recycle_below(position.position);
    rig.from = position;
    rig.settle();
    CHECK(rig.live_segments() <= 2);
    if (round == 10) creates_when_warm = rig.files.count(FileOperation::create);
  }
  CHECK(rig.files.count(FileOperation::create) == creates_when_warm);
  CHECK(rig.files.count(FileOperation::remove) == 0);
  CHECK(rig.journal->live_bytes() <= 3u * 64 * 1024);

  rig.publish(++turn, "after the checkpoint");
  rig.journal->flush();
  rig.settle();
  std::mt19937_64 random(3);
  rig.crash(random);
  REQUIRE(rig.open().ok());
  REQUIRE(rig.replayed.size() == 1);
  CHECK(rig.replayed[0].first == turn);
}

TEST_CASE("a checkpoint waits for the disk also when nothing durable was written") {
  JournalRig rig;
  REQUIRE(rig.open().ok());
  const BodyHandle body = rig.journal->stage({bytes_of("transient")});
  const core::Record record = test::enqueued(1, body, 9, false);
  rig.journal->write({&record, 1}, 0);
  const JournalPosition position = rig.journal->cut();
  CHECK(rig.journal->durable_through() < position.position);
  rig.settle();
  CHECK(rig.journal->durable_through() >= position.position);
}

TEST_CASE("a body that was staged before a checkpoint and is written after it keeps its segment") {
  JournalRig rig;
  REQUIRE(rig.open().ok());
  const std::string text = body_text(1, test::fills_first_segment_bytes);
  const BodyHandle body = rig.journal->stage({bytes_of(text)});
  const JournalPosition first = rig.journal->cut();
  REQUIRE(first.position == rig.segments->live().front()->id.end());
  rig.settle();
  const core::Record record = test::enqueued(1, body, text.size());
  rig.journal->write({&record, 1}, 1);
  for (TurnNumber turn = 2; turn < 40; ++turn) rig.publish_sized(turn, 9'000);
  rig.journal->flush();
  rig.settle();
  rig.journal->recycle_below(first.position);
  rig.settle();
  for (TurnNumber turn = 40; turn < 60; ++turn) rig.publish_sized(turn, 9'000);
  REQUIRE(rig.journal->drain().ok());
  rig.forget();
  rig.files.kill();
  rig.from = first;
  REQUIRE(rig.open().ok());
  CHECK(rig.replayed.size() == 59);
  CHECK(rig.read(body, text.size()) == text);
}

TEST_CASE("behind: two full groups while the disk works, and a full journal until it is recycled") {
  JournalRig rig({.segment_size_bytes = 64u << 10,
                  .cache_size_bytes = 1u << 20,
                  .journal = {.size_max_bytes = 400'000, .group_size_max_bytes = 100'000}});
  REQUIRE(rig.open().ok());
  TurnNumber turn = 0;
  rig.publish(++turn, "x");
  rig.journal->flush();
  CHECK(!rig.journal->behind());
  while (!rig.journal->behind()) {
    rig.publish_sized(++turn, 10'000);
    rig.journal->flush();
  }
  CHECK(turn >= 18);
  CHECK(turn <= 24);
  rig.settle();
  rig.journal->flush();
  CHECK(!rig.journal->behind());

  while (rig.journal->live_bytes() < 400'000) {
    rig.publish_sized(++turn, 10'000);
    rig.journal->flush();
    rig.settle();
  }
  CHECK(rig.journal->behind());
  const auto position = rig.journal->cut();
  rig.settle();
  rig.journal->recycle_below(position.position);
  CHECK(!rig.journal->behind());
}

TEST_CASE("a segment as large as the journal may be is not waited for when it is full to its last byte") {
  constexpr std::size_t size_bytes = 64u << 10;
  JournalRig rig({.segment_size_bytes = size_bytes, .cache_size_bytes = 1u << 20, .journal = {.size_max_bytes = size_bytes}});
  REQUIRE(rig.open().ok());
  int times_full = 0;
  for (TurnNumber turn = 1; turn <= 100; ++turn) {
    rig.publish(turn, "one block");
    rig.journal->flush();
    rig.settle();
    times_full += rig.journal->live_bytes() == size_bytes;
    if (rig.journal->live_bytes() < size_bytes) continue;
    const auto position = rig.journal->cut();
    rig.settle();
    rig.journal->recycle_below(position.position);
    REQUIRE(!rig.journal->behind());
  }
  CHECK(times_full > 2);
}

TEST_CASE("drain writes and persists everything before it returns") {
  JournalRig rig;
  REQUIRE(rig.open().ok());
  rig.publish(1, "first");
  rig.journal->flush();
  rig.publish(2, "second");
  REQUIRE(rig.journal->drain().ok());
  CHECK(rig.persisted_through == 2);
  rig.settle();
  CHECK(rig.persisted_through == 2);
  CHECK(rig.journal->durable_through() == rig.journal->end());
}
