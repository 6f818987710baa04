// What the in-memory file system does on top: failing on demand, and crashing.
#include "broker/storage/memory_file_system.h"

#include <doctest/doctest.h>

#include "tests/storage/file_support.h"

using namespace tandem;
using namespace tandem::storage;
using test::read_text;

namespace {

struct Disk {
  Disk() { REQUIRE(files.make_directory("/d").ok()); }

  std::unique_ptr<File> durable_file(const std::string& name, const std::string& text) {
    auto file = files.create("/d/" + name);
    REQUIRE(file.ok());
    REQUIRE((*file)->write(0, bytes_of(text)).ok());
    REQUIRE((*file)->sync().ok());
    REQUIRE(files.sync_directory("/d").ok());
    return std::move(*file);
  }
  std::string content(const std::string& name) {
    auto file = files.open("/d/" + name);
    REQUIRE(file.ok());
    return read_text(**file, 0, *(*file)->size());
  }

  MemoryFileSystem files;
  std::mt19937_64 random{1};
};

}  // namespace

TEST_CASE("what was synced outlives a crash") {
  Disk disk;
  disk.durable_file("a", "kept");
  disk.files.crash(disk.random);
  CHECK(disk.content("a") == "kept");
}

TEST_CASE("a crash keeps any set of unsynced sectors, each whole") {
  bool some_lost = false, some_kept = false;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Disk disk;
    disk.random.seed(seed);
    auto file = disk.durable_file("a", std::string(4096, 'o'));
    REQUIRE(file->write(0, bytes_of(std::string(4096, 'n'))).ok());
    disk.files.crash(disk.random);
    const std::string after = disk.content("a");
    for (std::size_t at = 0; at < after.size(); at += 512) {
      const std::string sector = after.substr(at, 512);
      CHECK(sector == std::string(512, sector[0]));
      some_lost = some_lost || sector[0] == 'o';
      some_kept = some_kept || sector[0] == 'n';
    }
  }
  CHECK(some_lost);
  CHECK(some_kept);
}

TEST_CASE("a name that its directory has not synced may be gone after a crash, a synced one never") {
  bool lost = false, kept = false;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Disk disk;
    disk.random.seed(seed);
    disk.durable_file("old", "x");
    auto file = disk.files.create("/d/new");
    REQUIRE((*file)->sync().ok());
    disk.files.crash(disk.random);
    CHECK(*disk.files.exists("/d/old"));
    (*disk.files.exists("/d/new") ? kept : lost) = true;
  }
  CHECK(lost);
  CHECK(kept);
}

TEST_CASE("after a crash a rename has happened or not, and never half") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Disk disk;
    disk.random.seed(seed);
    disk.durable_file("a", "x");
    REQUIRE(disk.files.rename("/d/a", "/d/b").ok());
    disk.files.crash(disk.random);
    CHECK(*disk.files.exists("/d/a") != *disk.files.exists("/d/b"));
  }
}

TEST_CASE("a killed process loses nothing that was written") {
  Disk disk;
  auto file = disk.durable_file("a", "first");
  REQUIRE(file->write(0, bytes_of("after")).ok());
  disk.files.kill();
  CHECK(disk.content("a") == "after");
}

TEST_CASE("files and locks of before a crash are dead") {
  Disk disk;
  auto file = disk.durable_file("a", "x");
  auto lock = disk.files.lock_directory("/d");
  disk.files.crash(disk.random);
  CHECK(!file->write(0, bytes_of("y")).ok());
  CHECK(!file->sync().ok());
  CHECK(disk.files.lock_directory("/d").ok());
}

TEST_CASE("the operation that was chosen fails, and only it") {
  Disk disk;
  auto file = disk.durable_file("a", "x");
  disk.files.fail(2, FaultKind::io_error, FileOperation::write);
  CHECK(file->write(0, bytes_of("1")).ok());
  CHECK(file->sync().ok());
  const auto failed = file->write(0, bytes_of("2"));
  REQUIRE(!failed.ok());
  CHECK(failed.error().text == "cannot write /d/a: Input/output error");
  CHECK(file->write(0, bytes_of("3")).ok());
  CHECK(disk.content("a") == "3");
}

TEST_CASE("a short write leaves half of the bytes and says that the disk is full") {
  Disk disk;
  auto file = disk.durable_file("a", "------");
  disk.files.fail(1, FaultKind::short_write);
  CHECK(file->write(0, bytes_of("abcdef")).error().code == ErrorCode::resource_alarm);
  CHECK(disk.content("a") == "abc---");
}

TEST_CASE("after a sync that failed no later sync brings the same bytes to the disk, but they are read") {
  bool lost = false;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Disk disk;
    disk.random.seed(seed);
    auto file = disk.durable_file("a", "first");
    REQUIRE(file->write(0, bytes_of("after")).ok());
    disk.files.fail(1, FaultKind::io_error, FileOperation::sync);
    CHECK(!file->sync().ok());
    CHECK(file->sync().ok());
    CHECK(disk.content("a") == "after");
    disk.files.crash(disk.random);
    lost |= disk.content("a") == "first";
  }
  CHECK(lost);
}

TEST_CASE("what is written again after a sync that failed is on the disk with the next one") {
  Disk disk;
  auto file = disk.durable_file("a", "first");
  REQUIRE(file->write(0, bytes_of("after")).ok());
  disk.files.fail(1, FaultKind::io_error, FileOperation::sync);
  CHECK(!file->sync().ok());
  REQUIRE(file->write(0, bytes_of("after")).ok());
  CHECK(file->sync().ok());
  disk.files.crash(disk.random, CrashKeeps::nothing);
  CHECK(disk.content("a") == "after");
}

TEST_CASE("when the power is off nothing works until the crash is over") {
  Disk disk;
  auto file = disk.durable_file("a", "x");
  disk.files.fail(1, FaultKind::power_off, FileOperation::sync);
  REQUIRE(file->write(0, bytes_of("y")).ok());
  CHECK(!file->sync().ok());
  CHECK(!file->write(0, bytes_of("z")).ok());
  CHECK(!disk.files.open("/d/a").ok());
  disk.files.crash(disk.random);
  CHECK(disk.files.open("/d/a").ok());
}

TEST_CASE("operations are counted by kind") {
  Disk disk;
  const auto before = disk.files.count();
  auto file = disk.durable_file("a", "x");
  CHECK(disk.files.count(FileOperation::write) == 1);
  CHECK(disk.files.count(FileOperation::sync) == 1);
  CHECK(disk.files.count(FileOperation::sync_directory) == 1);
  CHECK(disk.files.count() - before == 4);
}
