// What is appended in pieces of any size and place, with pauses, copied or in place, is in the files as it was given.
#include "broker/storage/topic_file_writer.h"

#include <doctest/doctest.h>

#include <cstring>
#include <deque>
#include <map>
#include <random>

#include "broker/storage/memory_file_system.h"

namespace tandem {
namespace {

using namespace storage;

constexpr std::size_t writer_piece_max_bytes = 300'000;

struct WriterPiece {
  AlignedMemory memory = make_aligned(writer_piece_max_bytes + direct_block_bytes);
  Bytes bytes;
};

/// Some lie in memory as at `position` of a file, some do not.
WriterPiece draw_piece(std::mt19937_64& random, std::uint64_t position) {
  WriterPiece piece;
  const std::size_t size = random() % 3 == 0 ? random() % writer_piece_max_bytes : random() % 5'000;
  const std::size_t offset = random() % 4 == 0 ? random() % direct_block_bytes : position % direct_block_bytes;
  for (std::size_t i = 0; i < size; ++i) piece.memory.get()[offset + i] = static_cast<std::byte>(random());
  piece.bytes = {piece.memory.get() + offset, size};
  return piece;
}

std::vector<std::byte> contents(FileSystem& files, const std::string& path) {
  auto file = files.open(path).value();
  std::vector<std::byte> bytes(file->size().value());
  REQUIRE(file->read(0, bytes).ok());
  return bytes;
}

}  // namespace

TEST_CASE("pieces of any size and place come into their files as they were given") {
  std::mt19937_64 random(11);
  for (int round = 0; round < 40; ++round) {
    CAPTURE(round);
    MemoryFileSystem files;
    REQUIRE(files.make_directory("/d").ok());
    std::map<std::string, std::vector<std::byte>> expected;
    for (int writer_number = 0; writer_number < 4; ++writer_number) {
      TopicFileWriter writer(files, "/d", false);
      std::deque<WriterPiece> in_place;
      std::string name;
      for (int step = 0; step < 25; ++step) {
        if (name.empty() || random() % 12 == 0) {
          name = std::string(1, static_cast<char>('a' + random() % 3));
          REQUIRE(writer.enter(name, expected[name].size()).ok());
        }
        auto& all = expected[name];
        WriterPiece piece = draw_piece(random, all.size());
        all.insert(all.end(), piece.bytes.begin(), piece.bytes.end());
        if (random() % 2 == 0) {
          REQUIRE(writer.append(piece.bytes).ok());
          std::memset(piece.memory.get(), 0, writer_piece_max_bytes);  // a copy is all that counts
        } else {
          REQUIRE(writer.append_in_place(piece.bytes).ok());
          in_place.push_back(std::move(piece));
        }
        if (random() % 15 == 0) REQUIRE(writer.pause().ok());
      }
      REQUIRE(writer.finish().ok());
      for (const auto& [path, bytes] : expected)
        if (!bytes.empty()) CHECK(contents(files, "/d/" + path) == bytes);
    }
  }
}

TEST_CASE("what is finished survives a power loss, with the files' names") {
  std::mt19937_64 random(12);
  MemoryFileSystem files;
  REQUIRE(files.make_directory("/topics").ok());
  REQUIRE(files.sync_directory("/").ok());
  TopicFileWriter writer(files, "/topics/1/0", true);
  REQUIRE(writer.enter("a", 0).ok());
  const WriterPiece piece = draw_piece(random, 0);
  REQUIRE(writer.append_in_place(piece.bytes).ok());
  REQUIRE(writer.finish().ok());
  files.crash(random);
  const auto found = contents(files, "/topics/1/0/a");
  CHECK(std::equal(found.begin(), found.end(), piece.bytes.begin(), piece.bytes.end()));
}

TEST_CASE("a file that is shorter than what was written before is damage") {
  MemoryFileSystem files;
  REQUIRE(files.make_directory("/d").ok());
  REQUIRE(files.create("/d/a").ok());
  TopicFileWriter writer(files, "/d", false);
  REQUIRE(writer.enter("a", 10).ok());
  REQUIRE(writer.append(bytes_of("x")).ok());
  const auto finished = writer.finish();
  REQUIRE_FALSE(finished.ok());
  CHECK(finished.error().code == ErrorCode::corrupt);
  CHECK_FALSE(writer.sync_failed());
}

}  // namespace tandem
