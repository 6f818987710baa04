// Large bodies: written piece by piece, in a stretch of the journal of their own.
#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <random>

#include "broker/storage/journal.h"
#include "schemas/crc32c.h"
#include "tests/storage/journal_support.h"

using namespace tandem;
using namespace tandem::storage;
using test::body_text;
using test::enqueued;
using test::JournalRig;

namespace {

constexpr std::size_t large_size = 3 * JournalStretch::piece_size_bytes + 12'345;

/// A journal with room for some of them in a segment.
JournalRig::Options roomy() {
  JournalRig::Options options;
  options.segment_size_bytes = 4u << 20;
  return options;
}

/// A message that is staged so, and named by turn `turn` as soon as it is written.
struct Large {
  Large(JournalRig& journal_rig, TurnNumber turn_number, std::size_t size = large_size)
      : rig(journal_rig), turn(turn_number), text(body_text(turn, size)) {}

  void begin() {
    constexpr std::size_t head_size = 100;
    LargeBody large;
    const Bytes bytes = bytes_of(text);
    large.head.assign(bytes.begin(), bytes.begin() + head_size);
    large.rest = bytes.subspan(head_size);
    large.staged = [this](BodyHandle at) {
      body = at;
      const core::Record record = enqueued(turn, at, text.size());
      rig.journal->write({&record, 1}, turn);
    };
    rig.journal->begin_stretch(std::move(large));
    rig.journal->flush();
  }
  bool staged() const { return body.value != 0; }

  JournalRig& rig;
  TurnNumber turn;
  std::string text;
  BodyHandle body;
};

/// Everything but the thread that writes it.
void settle_others(JournalRig& rig) {
  while (rig.writer.pump() || rig.background.pump() || rig.reader.pump() || rig.run_posted()) {
  }
}

std::string read_back(JournalRig& rig, const std::pair<TurnNumber, core::Record>& replayed) {
  const core::QueueEntry& entry = std::get<core::Enqueued>(replayed.second).entry;
  return rig.read(entry.body, entry.size_bytes);
}

}  // namespace

TEST_CASE("others are confirmed while a large body is written, and it is named once all of it is") {
  JournalRig rig(roomy());
  REQUIRE(rig.open().ok());
  rig.settle();
  Large large(rig, 100);
  large.begin();
  settle_others(rig);
  TurnNumber turn = 0;
  while (rig.large.pump()) {  // a piece
    settle_others(rig);
    if (large.staged()) break;
    const BodyHandle body = rig.publish(++turn, "small");
    rig.journal->flush();
    settle_others(rig);
    CHECK(rig.persisted_through == turn);
    CHECK(text_of(rig.cache->resident(body, 5).bytes) == "small");
  }
  CHECK(turn >= 3);
  REQUIRE(large.staged());
  CHECK_FALSE(rig.journal->has_stretch());
  CHECK(rig.persisted_through == turn);
  rig.journal->flush();
  rig.settle();
  CHECK(rig.persisted_through == 100);
  CHECK(rig.read(large.body, large.text.size()) == large.text);
}

TEST_CASE("what lies in a stretch is found after a kill, and what lies behind it") {
  for (const std::size_t size : {std::size_t{1}, std::size_t{4'088}, std::size_t{4'089}, std::size_t{JournalStretch::piece_size_bytes - 8},
                                 std::size_t{JournalStretch::piece_size_bytes - 7}, large_size, std::size_t{5u << 20}}) {
    CAPTURE(size);
    JournalRig rig(roomy());
    REQUIRE(rig.open().ok());
    rig.publish(1, "before");
    Large large(rig, 2, std::max<std::size_t>(size, 100));
    large.begin();
    rig.settle();
    rig.journal->flush();
    rig.publish(3, "behind");
    rig.journal->flush();
    rig.settle();
    REQUIRE(rig.persisted_through == 3);
    rig.forget();
    rig.files.kill();
    REQUIRE(rig.open().ok());
    REQUIRE(rig.replayed.size() == 3);
    CHECK(read_back(rig, rig.replayed[0]) == "before");
    CHECK(read_back(rig, rig.replayed[1]) == large.text);
    CHECK(read_back(rig, rig.replayed[2]) == "behind");
    CHECK(rig.end.torn_tail_bytes == 0);
  }
}

TEST_CASE("whenever the power goes, what was confirmed is there, and a large body that is named is whole") {
  std::mt19937_64 random(7);
  int named = 0, unnamed = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    JournalRig rig(roomy());
    REQUIRE(rig.open().ok());
    Large first(rig, 1'000), second(rig, 2'000, large_size / 2);
    TurnNumber turn = 0;
    const std::uint64_t steps = random() % 250;
    for (std::uint64_t step = 0; step < steps; ++step) {
      switch (random() % 8) {
        case 0:
          if (!first.staged() && !rig.journal->has_stretch()) first.begin();
          else if (first.staged() && !second.staged() && !rig.journal->has_stretch()) second.begin();
          break;
        case 1:
        case 2:
          if (turn < 999 || second.staged()) rig.publish_sized(++turn + (first.staged() ? 1'000 : 0) + (second.staged() ? 1'000 : 0), 500);
          break;
        case 3:
          rig.journal->flush();
          break;
        case 4:
          rig.writer.pump();
          break;
        case 5:
          rig.background.pump();
          break;
        case 6:
          rig.large.pump();
          break;
        default:
          rig.run_posted();
      }
    }
    const TurnNumber confirmed = rig.persisted_through;
    rig.crash(random);
    REQUIRE(rig.open().ok());
    CHECK((confirmed == 0 || (!rig.replayed.empty() && rig.replayed.back().first >= confirmed)));
    for (const auto& replayed : rig.replayed) {
      const bool is_large = replayed.first == 1'000 || replayed.first == 2'000;
      if (!is_large) continue;
      ++named;
      CHECK(read_back(rig, replayed) == (replayed.first == 1'000 ? first.text : second.text));
    }
    unnamed += rig.replayed.empty() || rig.replayed.back().first < 1'000;
    // It goes on behind whatever that left.
    rig.publish(10'000, "goes on");
    rig.journal->flush();
    rig.settle();
    CHECK(rig.persisted_through == 10'000);
  }
  CHECK(named > 20);
  CHECK(unnamed > 20);
}

TEST_CASE("a turn that names a large body never comes to the disk before it") {
  std::mt19937_64 random(11);
  int named = 0;
  for (int round = 0; round < 200; ++round) {
    JournalRig rig(roomy());
    REQUIRE(rig.open().ok());
    rig.settle();
    Large large(rig, 1);
    large.begin();
    rig.settle();
    REQUIRE(large.staged());
    rig.files.fail(1 + round % 2, FaultKind::io_error, FileOperation::sync);  // of the stretch, or of the turn behind it
    rig.journal->flush();
    rig.settle();
    REQUIRE(rig.failures.size() == 1);
    rig.crash(random);
    REQUIRE(rig.open().ok());
    named += !rig.replayed.empty();
    if (!rig.replayed.empty()) CHECK(read_back(rig, rig.replayed[0]) == large.text);
  }
  CHECK(named > 10);
}

TEST_CASE("a cut has a large body begun anew behind it") {
  JournalRig rig(roomy());
  REQUIRE(rig.open().ok());
  Large large(rig, 5);
  large.begin();
  settle_others(rig);
  rig.large.pump();
  rig.publish(1, "before the cut");
  const JournalPosition cut = rig.journal->cut();
  CHECK(rig.journal->has_stretch());
  rig.journal->flush();
  rig.settle();
  REQUIRE(large.staged());
  CHECK(large.body.value > cut.position);
  rig.journal->flush();
  rig.settle();
  rig.journal->recycle_below(cut.position);
  CHECK(rig.persisted_through == 5);
  rig.forget();
  rig.files.kill();
  rig.from = cut;
  REQUIRE(rig.open().ok());
  REQUIRE(rig.replayed.size() == 1);
  CHECK(read_back(rig, rig.replayed[0]) == large.text);
}

TEST_CASE("what is read of a stretch before it is written is not taken for what is in it") {
  for (const bool under_way : {false, true}) {
    CAPTURE(under_way);
    auto options = roomy();
    options.cache_size_bytes = 300'000;
    JournalRig rig(options);
    rig.files.set_cold(true);
    REQUIRE(rig.open().ok());
    const BodyHandle before = rig.publish(1, "before");
    rig.journal->flush();
    rig.settle();
    Large large(rig, 20'000, 20'000);
    const BodyHandle place{rig.journal->end() + journal_block_bytes + body_numbers_size_bytes};
    large.begin();
    settle_others(rig);
    // What the segment held before it was recycled: another message of that size, in that place.
    std::vector<std::byte> old(body_numbers_size_bytes + 20'000, std::byte{'o'});
    const std::uint32_t numbers[] = {crc32c(Bytes(old).subspan(body_numbers_size_bytes)), 20'000};
    std::memcpy(old.data(), numbers, sizeof numbers);
    const Bytes old_bytes(old);
    const auto segment = rig.segments->find(place.value);
    REQUIRE(segment->file->write(place.value - body_numbers_size_bytes - segment->id.first, {&old_bytes, 1}).ok());
    // Others, until memory holds neither what is before the stretch nor the stretch.
    for (TurnNumber turn = 2; turn < 60; ++turn) {
      rig.publish_sized(turn, 9'000);
      rig.journal->flush();
      settle_others(rig);
    }
    REQUIRE(rig.cache->resident(before, 6).owner == nullptr);

    std::string found_before, found;
    const auto to = [](std::string& text) {
      return [&text](Result<StoredBytes> bytes) { text = bytes.ok() ? std::string(text_of(bytes->bytes)) : bytes.error().text; };
    };
    rig.cache->read(before, 6, to(found_before));
    REQUIRE(rig.reader.pump());
    auto arrival = std::move(rig.posted.front());
    rig.posted.pop_front();
    if (!under_way) arrival();
    rig.large.pump();
    while (rig.run_posted()) {
    }
    REQUIRE(large.body == place);
    rig.cache->read(large.body, 20'000, to(found));
    if (under_way) arrival();
    rig.settle();
    CHECK(found == large.text);
    CHECK(found_before == "before");
  }
}

TEST_CASE("a large body that finds no room waits, and is written when there is room again") {
  for (const bool cut_meanwhile : {false, true}) {
    JournalRig rig(roomy());
    REQUIRE(rig.open().ok());
    rig.settle();
    Large large(rig, 5);
    large.begin();
    settle_others(rig);
    rig.large.pump();
    rig.files.fail(1, FaultKind::disk_full, FileOperation::write);
    rig.settle();
    CHECK(rig.stalls.size() == 1);
    CHECK_FALSE(large.staged());
    rig.publish(1, "others go on");
    rig.journal->flush();
    rig.settle();
    CHECK(rig.persisted_through == 1);
    if (cut_meanwhile) rig.journal->cut();
    rig.journal->retry();
    rig.journal->flush();
    rig.settle();
    REQUIRE(large.staged());
    rig.journal->flush();
    rig.settle();
    CHECK(rig.persisted_through == 5);
    CHECK(rig.failures.empty());
    CHECK(rig.read(large.body, large.text.size()) == large.text);
  }
}

TEST_CASE("whichever call fails while a large body is written, that is told, and nothing is confirmed after it") {
  std::uint64_t nth = 1;
  for (bool fails = true; fails; ++nth) {
    CAPTURE(nth);
    JournalRig rig(roomy());
    REQUIRE(rig.open().ok());
    rig.settle();
    rig.files.fail(nth, FaultKind::io_error);
    Large large(rig, 5);
    large.begin();
    rig.settle();
    rig.journal->flush();
    rig.settle();
    fails = !rig.failures.empty();
    CHECK(rig.persisted_through == (fails ? 0 : 5));
    CHECK(rig.failures.size() <= 1);
    if (!fails) continue;
    rig.publish(6, "not confirmed");
    rig.journal->flush();
    rig.settle();
    CHECK(rig.persisted_through == 0);
    CHECK(rig.failures.size() == 1);
  }
  CHECK(nth > 6);  // the frame before it, four pieces, its sync, the turn and the sync of that
}

TEST_CASE("a stretch that does not fit in its segment is damage") {
  JournalRig rig;  // segments of 64 KiB
  REQUIRE(rig.open().ok());
  rig.settle();
  Large large(rig, 1, 30'000);
  large.begin();
  rig.settle();
  rig.journal->flush();
  rig.settle();
  REQUIRE(rig.persisted_through == 1);
  std::array<std::byte, frame_header_size_bytes + stretch_item_size_bytes> frame{};
  const Lsn position = large.body.value - body_numbers_size_bytes - journal_block_bytes;
  const auto segment = rig.segments->find(position);
  auto file = rig.files.open(segment->file->path());
  REQUIRE((*file)->read(position - segment->id.first, frame).ok());
  const auto header = peek_frame(frame);
  REQUIRE(header.has_value());
  rig.forget();
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{60} << 10, ~std::uint64_t{4'095}}) {
    rig.files.kill();
    put_stretch(frame.data() + frame_header_size_bytes, size);
    finish_frame(frame, *header, segment->id.salt);
    const Bytes bytes(frame);
    file = rig.files.open("/journal/0000000000000001.seg");
    REQUIRE((*file)->write(position - segment->id.first, {&bytes, 1}).ok());
    const auto opened = rig.open();
    REQUIRE(!opened.ok());
    CHECK(opened.error().code == ErrorCode::corrupt);
    CHECK(opened.error().text.find("stretch") != std::string::npos);
    rig.forget();
  }
}
