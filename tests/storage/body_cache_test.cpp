#include "broker/storage/body_cache.h"

#include <doctest/doctest.h>

#include "tests/storage/journal_support.h"

using namespace tandem;
using namespace tandem::storage;
using test::body_text;
using test::JournalRig;

namespace {

struct Bodies {
  explicit Bodies(std::uint64_t cache_size_bytes, std::size_t count = 300, std::size_t size = 10'000)
      : rig({.segment_size_bytes = 4u << 20, .cache_size_bytes = cache_size_bytes, .journal = {.buffer_size_bytes = 1u << 20}}),
        size_bytes(size) {
    REQUIRE(rig.open().ok());
    for (std::size_t i = 0; i < count; ++i) {
      handles.push_back(rig.publish(i + 1, body_text(i, size)));
      rig.journal->flush();
      rig.settle();
    }
  }
  bool is_resident(std::size_t i) {
    return rig.cache->resident(handles[i], static_cast<std::uint32_t>(size_bytes)).owner != nullptr;
  }
  std::string read(std::size_t i) { return rig.read(handles[i], size_bytes); }

  JournalRig rig;
  std::size_t size_bytes;
  std::vector<BodyHandle> handles;
};

}  // namespace

TEST_CASE("the newest bodies are resident within the budget, and older ones come from disk") {
  Bodies bodies(1u << 20);
  CHECK(bodies.rig.cache->size_bytes() <= (2u << 20));
  CHECK(bodies.is_resident(299));
  CHECK(!bodies.is_resident(0));
  for (std::size_t i = 0; i < 300; ++i) CHECK(bodies.read(i) == body_text(i, 10'000));
  CHECK(bodies.rig.cache->size_bytes() <= (2u << 20));
}

TEST_CASE("what is not written yet stays resident whatever the budget") {
  JournalRig rig({.segment_size_bytes = 4u << 20, .cache_size_bytes = 1, .journal = {}});
  REQUIRE(rig.open().ok());
  std::vector<BodyHandle> handles;
  for (std::size_t i = 0; i < 300; ++i) handles.push_back(rig.publish(i + 1, body_text(i, 10'000)));
  for (std::size_t i = 0; i < 300; ++i) CHECK(rig.cache->resident(handles[i], 10'000).owner != nullptr);
  rig.journal->flush();
  rig.settle();
  CHECK(rig.cache->resident(handles[0], 10'000).owner == nullptr);
  CHECK(rig.read(handles[0], 10'000) == body_text(0, 10'000));
}

TEST_CASE("bytes stay while their owner is held, also when the cache has dropped them") {
  Bodies bodies(4u << 20, 1);
  const StoredBytes held = bodies.rig.cache->resident(bodies.handles[0], 10'000);
  REQUIRE(held.owner != nullptr);
  for (std::size_t i = 1; i < 900; ++i) {
    bodies.rig.publish(i + 1, body_text(i, 10'000));
    bodies.rig.journal->flush();
    bodies.rig.settle();
  }
  CHECK(!bodies.is_resident(0));
  CHECK(text_of(held.bytes) == body_text(0, 10'000));
}

TEST_CASE("cold neighbours cost one read") {
  Bodies bodies(1u << 20, 3000, 1'000);
  bodies.rig.files.set_cold(true);
  const auto reads = bodies.rig.files.count(FileOperation::read);
  std::size_t answered = 0;
  for (std::size_t i = 0; i < 20; ++i)
    bodies.rig.cache->read(bodies.handles[i], 1'000,
                           [&](Result<StoredBytes> bytes) { answered += bytes.ok(); });
  CHECK(answered == 0);
  bodies.rig.settle();
  CHECK(answered == 20);
  CHECK(bodies.rig.files.count(FileOperation::read) == reads + 1);
  CHECK(bodies.is_resident(5));
}

TEST_CASE("a damaged body is reported with file and position, and its neighbours are served") {
  for (const bool cold : {false, true}) {
    Bodies bodies(1u << 20);
    bodies.rig.files.set_cold(cold);
    bodies.rig.files.flip_bit("/journal/0000000000000001.seg", bodies.handles[3].value + 100);
    const std::string error = bodies.read(3);
    CHECK(error.find("/journal/0000000000000001.seg") != std::string::npos);
    CHECK(error.find(std::to_string(bodies.handles[3].value)) != std::string::npos);
    CHECK(error.find("damaged") != std::string::npos);
    CHECK(bodies.read(2) == body_text(2, 10'000));
    CHECK(bodies.read(4) == body_text(4, 10'000));
  }
}

TEST_CASE("a handle or a size that does not belong to a body is refused") {
  Bodies bodies(1u << 20);
  CHECK(bodies.rig.read(bodies.handles[3], 9'999).find("damaged") != std::string::npos);
  CHECK(bodies.rig.read({bodies.handles[3].value + 1}, 10'000).find("damaged") != std::string::npos);
  CHECK(bodies.rig.read({1ull << 50}, 10'000).find("not in the journal") != std::string::npos);
  CHECK(bodies.rig.read({5}, 1).find("not in the journal") != std::string::npos);
}

TEST_CASE("bodies larger than a window are read whole, also when a shorter read is under way") {
  JournalRig rig({.segment_size_bytes = 4u << 20, .cache_size_bytes = 1, .journal = {}});
  REQUIRE(rig.open().ok());
  std::vector<std::pair<BodyHandle, std::size_t>> bodies;
  for (TurnNumber turn = 1; turn <= 40; ++turn) {
    const std::size_t size = turn % 2 == 0 ? 500'000 : 100;
    bodies.emplace_back(rig.publish_sized(turn, size), size);
    rig.journal->flush();
    rig.settle();
  }
  for (const bool cold : {false, true}) {
    rig.files.set_cold(cold);
    std::size_t read_well = 0;
    for (std::size_t i = 0; i < bodies.size(); ++i)
      rig.cache->read(
          bodies[i].first, static_cast<std::uint32_t>(bodies[i].second), [&, i](Result<StoredBytes> bytes) {
            read_well += bytes.ok() && text_of(bytes->bytes) == body_text(i + 1, bodies[i].second);
          });
    rig.settle();
    CHECK(read_well == bodies.size());
  }
}

TEST_CASE("a failing disk is told to everyone who waits for the read") {
  Bodies bodies(1u << 20);
  bodies.rig.files.set_cold(true);
  bodies.rig.files.fail(1, FaultKind::io_error, FileOperation::read);
  std::vector<std::string> errors;
  for (std::size_t i = 0; i < 3; ++i)
    bodies.rig.cache->read(bodies.handles[i], 10'000, [&](Result<StoredBytes> bytes) {
      errors.push_back(bytes.ok() ? "fine" : bytes.error().text);
    });
  bodies.rig.settle();
  REQUIRE(errors.size() == 3);
  for (const auto& error : errors) CHECK(error.find("Input/output error") != std::string::npos);
  CHECK(bodies.read(0) == body_text(0, 10'000));
}

TEST_CASE("the checkpoint's reader walks forward with few reads and checks every body") {
  Bodies bodies(1u << 20);
  JournalBodyReader reader(*bodies.rig.segments, {});
  const auto reads = bodies.rig.files.count(FileOperation::read);
  for (std::size_t i = 0; i < 300; ++i) {
    const auto bytes = reader.read(bodies.handles[i], 10'000);
    REQUIRE(bytes.ok());
    CHECK(text_of(*bytes) == body_text(i, 10'000));
  }
  CHECK(bodies.rig.files.count(FileOperation::read) - reads < 40);
  bodies.rig.files.flip_bit("/journal/0000000000000001.seg", bodies.handles[0].value);
  CHECK(reader.read(bodies.handles[0], 10'000).error().code == ErrorCode::corrupt);
  CHECK(reader.read({1ull << 40}, 10).error().code == ErrorCode::not_found);
}

TEST_CASE("a recycled segment is not overwritten while a read of it is under way") {
  JournalRig rig;
  REQUIRE(rig.open().ok());
  TurnNumber turn = 0;
  const BodyHandle early = rig.publish_sized(++turn, 2'000);
  while (rig.live_segments() < 3) {
    rig.publish_sized(++turn, 9'000);
    rig.journal->flush();
    rig.settle();
  }
  const auto position = rig.journal->cut();
  rig.settle();
  const auto held = rig.segments->find(early.value);
  REQUIRE(held != nullptr);
  rig.journal->recycle_below(position.position);
  CHECK(rig.segments->find(early.value) == nullptr);
  for (int i = 0; i < 100; ++i) {
    rig.publish_sized(++turn, 9'000);
    rig.journal->flush();
    rig.settle();
  }
  std::string text(2'000, '?');
  REQUIRE(held->file->read(early.value, std::as_writable_bytes(std::span(text))).ok());
  CHECK(text == body_text(1, 2'000));
}

TEST_CASE("a read near the journal's end never gives what a recycled segment held at the same place") {
  JournalRig::Options options;
  options.cache_size_bytes = 1;
  options.journal.buffer_size_bytes = journal_block_bytes;
  JournalRig rig(options);
  REQUIRE(rig.open().ok());
  BodyHandle before;
  for (std::uint64_t i = 1; i <= 200; ++i) {
    const BodyHandle body = rig.publish_sized(i, 3'000);
    rig.journal->flush();
    rig.settle();
    if (i > 1) CHECK(rig.read(before, 3'000) == body_text(i - 1, 3'000));
    before = body;
    if (i % 20 != 0) continue;
    const JournalPosition cut = rig.journal->cut();
    rig.settle();
    rig.journal->recycle_below(std::min(cut.position, body.value));
    rig.settle();
  }
  CHECK(rig.live_segments() <= 3);
}

TEST_CASE("a journal that is walked through again and again gives the same bodies, over all of its segments") {
  Bodies bodies(1, 1'200);
  JournalBodyReader reader(*bodies.rig.segments, {});
  reader.begin_repeated_walks(bodies.handles[0].value);
  for (std::size_t walk = 0; walk < 7; ++walk)
    for (std::size_t i = walk; i < bodies.handles.size(); i += 7) {
      const auto body = reader.read(bodies.handles[i], 10'000);
      REQUIRE(body.ok());
      CHECK(text_of(*body) == body_text(i, 10'000));
    }
  reader.end_repeated_walks();
  CHECK(text_of(reader.read(bodies.handles[600], 10'000).value()) == body_text(600, 10'000));
}
