// What a restart finds: after crashes at any point, and after damage.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "broker/storage/bytes_io.h"
#include "broker/storage/journal_reader.h"
#include "schemas/crc32c.h"
#include "tests/storage/journal_support.h"

using namespace tandem;
using namespace tandem::storage;
using test::body_text;
using test::fills_first_segment_bytes;
using test::JournalRig;

namespace {

struct Message {
  BodyHandle body;
  std::size_t size;
};

/// Publishes at random against a disk that loses power at random, over and over, and compares with what
/// should be.
class CrashRun {
 public:
  explicit CrashRun(std::uint64_t seed) : random_(seed) {}

  void run(int lives) {
    REQUIRE(rig_.open().ok());
    for (int life = 0; life < lives; ++life) {
      if (pick(3) == 0) rig_.files.fail(1 + pick(60), FaultKind::power_off);
      for (int step = pick(200); step > 0 && rig_.failures.empty(); --step) one_step();
      confirmed_ = std::max(confirmed_, rig_.persisted_through);
      if (pick(4) == 0) {
        rig_.forget();
        rig_.files.kill();
      } else {
        rig_.crash(random_);
      }
      rig_.failures.clear();
      reopen();
    }
  }

 private:
  int pick(int below) { return static_cast<int>(random_() % static_cast<std::uint64_t>(below)); }

  void one_step() {
    switch (pick(12)) {
      case 0:
        rig_.writer.pump();
        break;
      case 1:
        rig_.background.pump();
        break;
      case 2:
        rig_.run_posted();
        break;
      case 3:
        rig_.settle();
        break;
      case 4:
        transient();
        break;
      case 5:
        checkpoint();
        break;
      case 6:
        rig_.journal->flush();
        break;
      default:
        publish();
        break;
    }
  }

  void publish() {
    const TurnNumber turn = messages_.size() + 1;
    const std::size_t size = static_cast<std::size_t>(pick(20) == 0 ? pick(100'000) : pick(3'000));
    messages_.push_back({rig_.publish(turn, body_text(turn, size)), size});
  }

  void transient() {
    const std::string text(static_cast<std::size_t>(pick(9'000)), 't');
    const BodyHandle body = rig_.journal->stage({bytes_of(text)});
    const core::Record record = test::enqueued(0, body, text.size(), false);
    rig_.journal->write({&record, 1}, 0);
    if (pick(2) == 0) rig_.journal->stage({bytes_of("forgotten")});
    rig_.journal->unstage();
  }

  /// As the store does it: the position is remembered elsewhere once the disk has everything below it.
  void checkpoint() {
    if (pick(4) != 0) return;
    const JournalPosition position = rig_.journal->cut();
    const TurnNumber turn = messages_.size();
    rig_.settle();
    if (!rig_.failures.empty()) return;
    REQUIRE(rig_.journal->durable_through() >= position.position);
    rig_.from = position;
    checkpoint_turn_ = turn;
    rig_.journal->recycle_below(position.position);
  }

  void reopen() {
    const auto opened = rig_.open();
    INFO("error: ", opened.ok() ? "" : opened.error().text);
    REQUIRE(opened.ok());
    const TurnNumber recovered = checkpoint_turn_ + rig_.replayed.size();
    REQUIRE(recovered >= confirmed_);
    REQUIRE(recovered <= messages_.size());
    messages_.resize(recovered);
    for (std::size_t i = 0; i < rig_.replayed.size(); ++i) {
      const TurnNumber turn = checkpoint_turn_ + i + 1;
      const Message& message = messages_[turn - 1];
      REQUIRE(rig_.replayed[i] ==
              std::pair<TurnNumber, core::Record>(turn, test::enqueued(turn, message.body, message.size)));
      REQUIRE(rig_.read(message.body, message.size) == body_text(turn, message.size));
    }
    rig_.persisted_through = confirmed_ = recovered;
  }

  std::mt19937_64 random_;
  JournalRig rig_;
  std::vector<Message> messages_;  // of turns 1…, as long as they may exist
  TurnNumber confirmed_ = 0;
  TurnNumber checkpoint_turn_ = 0;
};

/// A journal of `turns` messages of 3,000 bytes, each in a group of its own, and closed.
std::vector<BodyHandle> write_and_close(JournalRig& rig, TurnNumber turns) {
  REQUIRE(rig.open().ok());
  std::vector<BodyHandle> bodies;
  for (TurnNumber turn = 1; turn <= turns; ++turn) {
    bodies.push_back(rig.publish_sized(turn, 3'000));
    rig.journal->flush();
    rig.settle();
  }
  rig.forget();
  rig.files.kill();
  return bodies;
}

constexpr const char* first_file = "/journal/0000000000000001.seg";
constexpr const char* second_file = "/journal/0000000000000002.seg";

}  // namespace

TEST_CASE("after any crash the journal is a whole number of turns, with every confirmed one") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    CrashRun(seed).run(8);
  }
}

TEST_CASE("what a killed process had written but not synced is on disk before anything is built on it") {
  // io_error: and the sync had failed, so that no later one brings it there.
  for (const FaultKind kind : {FaultKind::power_off, FaultKind::io_error})
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      CAPTURE(seed);
      std::mt19937_64 random(seed);
      JournalRig rig;
      REQUIRE(rig.open().ok());
      rig.publish_sized(1, test::fills_first_segment_bytes);
      rig.files.fail(1, kind, FileOperation::sync);
      CHECK(!rig.journal->drain().ok());
      rig.forget();
      rig.files.kill();
      // The next epoch begins in the second segment, so its own syncs say nothing about the first one.
      REQUIRE(rig.open().ok());
      REQUIRE(rig.replayed.size() == 1);
      rig.publish(2, "on top of it");
      REQUIRE(rig.journal->drain().ok());
      rig.crash(random);
      REQUIRE(rig.open().ok());
      CHECK(rig.replayed.size() == 2);
    }
}

TEST_CASE("a flipped bit in the middle is an error with file and position, never a shorter journal") {
  for (const std::uint64_t at : {std::uint64_t{8192 + 2}, std::uint64_t{8192 + 30},
                                 std::uint64_t{8192 + 1000}, std::uint64_t{8192 + 3050}}) {
    JournalRig rig;
    write_and_close(rig, 10);
    rig.files.flip_bit(first_file, at, 3);
    const auto opened = rig.open();
    REQUIRE(!opened.ok());
    CHECK(opened.error().code == ErrorCode::corrupt);
    CHECK(opened.error().text.find(std::string(first_file) + ": damaged journal frame at byte 8192") !=
          std::string::npos);
  }
}

TEST_CASE("damage shows also when what proves it lies in the next segment") {
  JournalRig rig;
  write_and_close(rig, 20);
  rig.files.flip_bit(first_file, 60 * 1024 + 100);
  const auto opened = rig.open();
  REQUIRE(!opened.ok());
  CHECK(opened.error().text.find(first_file) != std::string::npos);
  CHECK(opened.error().text.find(second_file) != std::string::npos);
}

TEST_CASE("a damaged header of the only segment is an error, though no checkpoint knows of it") {
  JournalRig rig;
  REQUIRE(rig.open().ok());
  for (TurnNumber turn = 1; turn <= 3; ++turn) {
    rig.publish(turn, "text");
    REQUIRE(rig.journal->drain().ok());
  }
  rig.forget();
  rig.files.kill();
  rig.files.flip_bit(first_file, 3);
  const auto opened = rig.open();
  REQUIRE(!opened.ok());
  CHECK(opened.error().code == ErrorCode::corrupt);
  CHECK(opened.error().text.find(first_file) != std::string::npos);
}

TEST_CASE("a damaged segment header is an error, also of the first segment") {
  for (const char* path : {first_file, second_file}) {
    JournalRig rig;
    write_and_close(rig, 20);
    rig.files.flip_bit(path, 24);
    const auto opened = rig.open();
    REQUIRE(!opened.ok());
    CHECK(opened.error().code == ErrorCode::corrupt);
    CHECK(opened.error().text.find(path) != std::string::npos);
  }
}

TEST_CASE("a missing segment in the middle is an error") {
  JournalRig rig;
  write_and_close(rig, 40);
  REQUIRE(rig.files.remove(second_file).ok());
  const auto opened = rig.open();
  REQUIRE(!opened.ok());
  CHECK(opened.error().code == ErrorCode::corrupt);
}

TEST_CASE("segments whose names were exchanged are an error, not spares") {
  JournalRig rig;
  write_and_close(rig, 40);  // three segments: nothing behind the two proves it
  const std::string third_file = "/journal/0000000000000003.seg", aside = "/journal/aside";
  REQUIRE(rig.files.rename(second_file, aside).ok());
  REQUIRE(rig.files.rename(third_file, second_file).ok());
  REQUIRE(rig.files.rename(aside, third_file).ok());
  const auto opened = rig.open();
  REQUIRE(!opened.ok());
  CHECK(opened.error().code == ErrorCode::corrupt);
}

TEST_CASE("a checkpoint position that no segment holds is an error") {
  JournalRig rig;
  rig.from = {.position = 1'000'000, .epoch = 3};
  const auto opened = rig.open();
  REQUIRE(!opened.ok());
  CHECK(opened.error().text.find("1000000") != std::string::npos);
}

TEST_CASE("a torn last group is dropped, counted, and written over") {
  JournalRig rig;
  write_and_close(rig, 10);
  // The last group's body: nothing behind it says that it was ever on disk.
  const auto last = 4096 + 4096 + 9 * 4096;
  rig.files.flip_bit(first_file, last + 500);
  REQUIRE(rig.open().ok());
  CHECK(rig.replayed.size() == 9);
  CHECK(rig.end.torn_tail_bytes == 4096);
  rig.publish(10, "again");
  rig.publish(11, "and on");
  REQUIRE(rig.journal->drain().ok());
  rig.forget();
  rig.files.kill();
  REQUIRE(rig.open().ok());
  CHECK(rig.replayed.size() == 11);
  CHECK(rig.end.torn_tail_bytes == 0);
}

TEST_CASE("an intact frame of a torn group does not come back when the journal reaches its place again") {
  JournalRig rig;
  REQUIRE(rig.open().ok());
  const std::size_t size = 20'000;
  rig.publish_sized(1, 100);
  rig.journal->flush();
  // While that is written, the next group gathers; a checkpoint divides it into two frames.
  const BodyHandle torn = rig.publish_sized(2, size);
  const Lsn stale_frame = rig.journal->cut().position;
  rig.publish_sized(3, size);
  rig.journal->flush();
  rig.settle();
  CHECK(rig.journal->groups() == 2);
  rig.forget();
  rig.files.kill();
  rig.files.flip_bit(first_file, torn.value + 5'000);
  REQUIRE(rig.open().ok());
  CHECK(rig.replayed.size() == 1);
  CHECK(rig.end.torn_tail_bytes > 2 * size);

  // The new epoch's first frame took a block, so a message that much smaller ends exactly where the stale
  // frame is.
  rig.publish_sized(2, size - journal_block_bytes);
  REQUIRE(rig.journal->drain().ok());
  REQUIRE(rig.journal->end() == stale_frame);
  rig.forget();
  rig.files.kill();
  REQUIRE(rig.open().ok());
  REQUIRE(rig.replayed.size() == 2);
  CHECK(std::get<core::Enqueued>(rig.replayed[1].second).entry.size_bytes == size - journal_block_bytes);
}

TEST_CASE("every open begins an epoch of its own, also without a message") {
  JournalRig rig;
  for (std::uint32_t epoch = 1; epoch <= 5; ++epoch) {
    REQUIRE(rig.open().ok());
    CHECK(rig.journal->epoch() == epoch);
    rig.forget();
    rig.files.kill();
  }
}

TEST_CASE("whatever bit flips, the journal is never read shorter by more than its last group, or otherwise") {
  std::size_t refused = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    JournalRig rig;
    const auto bodies = write_and_close(rig, 20);
    rig.files.flip_bit(random() % 2 == 0 ? first_file : second_file, random() % (64u << 10),
                       static_cast<unsigned>(random() % 8));
    const auto opened = rig.open();
    refused += !opened.ok();
    if (!opened.ok()) {
      CHECK(opened.error().text.find("/journal/") != std::string::npos);
      continue;
    }
    CHECK(rig.replayed.size() >= 19);
    for (std::size_t i = 0; i < rig.replayed.size(); ++i)
      CHECK(rig.replayed[i] ==
            std::pair<TurnNumber, core::Record>(i + 1, test::enqueued(i + 1, bodies[i], 3'000)));
  }
  CHECK(refused > 100);
}

namespace {

constexpr std::uint32_t salt = 0x5A17;

/// A body whose every block in the file is a frame that says: all up to far behind me was on disk.
std::string body_of_frames(BodyHandle place, std::size_t size, std::uint32_t salt_of_frames) {
  std::string body(size, '.');
  for (Lsn at = round_up_to_block(place.value); at + journal_block_bytes <= place.value + size; at += journal_block_bytes) {
    std::array<std::byte, frame_header_size_bytes> frame{};
    finish_frame(frame, {.epoch = 1'000, .position = at, .previous_end = at, .durable_through = 1 << 20}, salt_of_frames);
    std::memcpy(body.data() + (at - place.value), frame.data(), frame.size());
  }
  return body;
}

/// What a start says after a crash has torn the group of such a message. First it is tried how large its place is.
Result<> open_behind_torn_body(std::uint32_t salt_of_frames) {
  constexpr std::size_t size = 20'000;
  BodyHandle place;
  for (const bool forged : {false, true}) {
    JournalRig rig({.journal = {.salt = salt}});
    REQUIRE(rig.open().ok());
    rig.publish(1, "confirmed");
    REQUIRE(rig.journal->drain().ok());
    place = rig.publish(2, forged ? body_of_frames(place, size, salt_of_frames) : body_text(2, size));
    REQUIRE(rig.journal->drain().ok());
    rig.forget();
    rig.files.kill();
    rig.files.flip_bit(first_file, round_up_to_block(place.value) - journal_block_bytes + 20);  // in the group's own header
    if (!forged) continue;
    auto opened = rig.open();
    if (opened.ok()) CHECK(rig.replayed.size() == 1);
    return opened;
  }
  return Done{};
}

}  // namespace

TEST_CASE("bytes of a message that look like frames are none: their checksum lacks the segment's salt") {
  CHECK(open_behind_torn_body(0).ok());
  CHECK(open_behind_torn_body(salt + 1).ok());
  // Somebody who knew the salt could do it: so this is what the others are kept from.
  CHECK(open_behind_torn_body(salt).error().code == ErrorCode::corrupt);
}

TEST_CASE("a journal from before there were salts is read, and new segments have one") {
  JournalRig rig({.journal = {.salt = 0}});
  REQUIRE(rig.open().ok());
  rig.publish(1, "old");
  REQUIRE(rig.journal->drain().ok());
  rig.forget();
  rig.files.kill();
  auto header = encode_segment_header({1, 0, 64u << 10});
  put_u32(header.data() + 8, 1);
  put_u32(header.data() + 40, crc32c(Bytes(header).first(40)));
  REQUIRE((*rig.files.open(first_file))->write(0, Bytes(header)).ok());

  rig.set_salt(salt);
  REQUIRE(rig.open().ok());
  CHECK(rig.replayed.size() == 1);
  rig.publish_sized(2, fills_first_segment_bytes);
  rig.publish(3, "new");
  REQUIRE(rig.journal->drain().ok());
  CHECK(rig.segments->find_number(1)->id.salt == 0);
  CHECK(rig.segments->find_number(2)->id.salt == salt);
  rig.forget();
  rig.files.kill();
  REQUIRE(rig.open().ok());
  CHECK(rig.replayed.size() == 3);
}

TEST_CASE("a newer format version is named, not read") {
  JournalRig rig;
  REQUIRE(rig.files.make_directory("/journal").ok());
  const SegmentId id{1, 0, 65536};
  auto header = encode_segment_header(id);
  CHECK(*decode_segment_header(header) == id);
  put_u32(header.data() + 8, journal_format_version + 1);
  put_u32(header.data() + 40, crc32c(Bytes(header).first(40)));
  REQUIRE((*rig.files.create(first_file))->write(0, Bytes(header)).ok());
  const auto opened = rig.open();
  REQUIRE(!opened.ok());
  CHECK(opened.error().code == ErrorCode::not_supported);
  CHECK(opened.error().text.find("newer version") != std::string::npos);
  CHECK(opened.error().text.find(first_file) != std::string::npos);
}

TEST_CASE("an error of whoever takes the records stops the reading, with the frame's position") {
  JournalRig rig;
  write_and_close(rig, 3);
  auto segments = JournalSegments::open(rig.files, "/journal", 64u << 10);
  const FrameVisitor visitor{.record = [](const core::Record&, TurnNumber turn) -> Result<> {
                               if (turn == 2) return Error{ErrorCode::internal, "no such queue"};
                               return Done{};
                             },
                             .body = nullptr};
  InlineWorker reader;
  const auto read = read_journal(**segments, {}, visitor, reader);
  REQUIRE(!read.ok());
  CHECK(read.error().text.find("no such queue") != std::string::npos);
  CHECK(read.error().text.find("position 12288") != std::string::npos);
}
