#include "broker/storage/file_remover.h"

#include <doctest/doctest.h>

#include "broker/storage/memory_file_system.h"
#include "tests/storage/store_support.h"

namespace tandem::file_remover_test {
namespace {

using namespace storage;

struct Fixture {
  Fixture() { REQUIRE(files.make_directory("/d").ok()); }
  void write(const std::string& path, std::size_t size) {
    auto file = files.create(path).value();
    const std::string text(size, 'x');
    REQUIRE(file->write(0, bytes_of(text)).ok());
  }
  std::uint64_t size(const std::string& path) { return files.open(path).value()->size().value(); }
  bool exists(const std::string& path) { return files.exists(path).value(); }
  void finish() {
    while (!remover.empty()) REQUIRE(remover.step().ok());
  }

  MemoryFileSystem files;
  FileRemover remover{files, 1'000};
};

}  // namespace

TEST_CASE("a file is freed a step at a time, from its end, and one after the other") {
  Fixture f;
  f.write("/d/a", 2'500);
  f.write("/d/b", 1'500);
  f.remover.add_file("/d/a", false);
  f.remover.add_file("/d/b", false);
  REQUIRE(f.remover.step().ok());
  CHECK(f.size("/d/a") == 1'500);
  REQUIRE(f.remover.step().ok());
  CHECK(f.size("/d/a") == 500);
  REQUIRE(f.remover.step().ok());  // what is left of the step is the next one's
  CHECK_FALSE(f.exists("/d/a"));
  CHECK(f.size("/d/b") == 1'000);
  CHECK_FALSE(f.remover.empty());
  REQUIRE(f.remover.step().ok());
  CHECK_FALSE(f.exists("/d/b"));
  CHECK(f.remover.empty());
}

TEST_CASE("who reads a file that is removed whole reads on") {
  Fixture f;
  f.write("/d/a", 5'000);
  const auto reader = f.files.open("/d/a", Access::read_only).value();
  f.remover.add_file("/d/a", true);
  REQUIRE(f.remover.step().ok());
  CHECK_FALSE(f.exists("/d/a"));
  CHECK(reader->size().value() == 5'000);
}

TEST_CASE("in a hurry each file goes whole") {
  Fixture f;
  f.write("/d/a", 5'000);
  f.remover.add_file("/d/a", false);
  REQUIRE(f.remover.step().ok());
  CHECK(f.size("/d/a") == 4'000);
  f.remover.hurry();
  REQUIRE(f.remover.step().ok());
  CHECK_FALSE(f.exists("/d/a"));
}

TEST_CASE("the more files wait, the more a step frees, but only so many of small ones") {
  Fixture f;
  for (int i = 0; i < 32; ++i) {
    f.write("/d/" + std::to_string(i), 3'000);
    f.remover.add_file("/d/" + std::to_string(i), false);
  }
  REQUIRE(f.remover.step().ok());
  CHECK_FALSE(f.exists("/d/0"));
  CHECK(f.size("/d/1") == 3'000);

  Fixture small;
  for (int i = 0; i < 31; ++i) {
    small.write("/d/" + std::to_string(i), 1);
    small.remover.add_file("/d/" + std::to_string(i), false);
  }
  REQUIRE(small.remover.step().ok());
  CHECK_FALSE(small.exists("/d/7"));
  CHECK(small.exists("/d/8"));
}

TEST_CASE("a directory goes with what is in it, and after it") {
  Fixture f;
  REQUIRE(f.files.make_directory("/topic/0").ok());
  f.write("/topic/0/a", 1'500);
  f.write("/topic/0/b", 10);
  f.remover.add_directory("/topic/0", false);
  f.remover.add_directory("/topic", false);
  f.finish();
  CHECK_FALSE(f.exists("/topic/0/a"));
  CHECK_FALSE(f.exists("/topic"));
}

TEST_CASE("what is not there is no error, and what cannot be removed does not keep the others") {
  Fixture f;
  f.write("/d/a", 1);
  f.write("/d/b", 1);
  f.remover.add_file("/d/none", false);
  f.remover.add_directory("/no/directory", false);
  f.remover.add_file("/d/a", false);
  f.remover.add_file("/d/b", false);
  f.files.fail(1, FaultKind::io_error, FileOperation::remove);
  const auto failed = f.remover.step();
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().text.find("/d/a") != std::string::npos);
  f.finish();
  CHECK(f.exists("/d/a"));
  CHECK_FALSE(f.exists("/d/b"));
}

// --- in the store --------------------------------------------------------------------------------------------------------

namespace {

constexpr TopicId topic{5};
constexpr PartitionId p0{topic, 0};
constexpr const char* trimmed_file = "/store/topics/5/0/00000000000000000000.segment";

/// A partition of a few segments, of which the first is to go.
struct TrimmedRig : test::StoreRig {
  TrimmedRig() {
    options.removal_step_bytes = 300;
    must_open();
    create_topic(topic, {{"segment.bytes", "1000"}});
    for (int i = 0; i < 40; ++i) append(p0, {std::string(100, 'v')});
    checkpoint();
    checkpoint();
    whole_bytes = files.open(trimmed_file).value()->size().value();
    REQUIRE(whole_bytes > 600);
  }
  void trim() {
    record(core::Trimmed{p0, 30});
    starts[p0] = 30;
  }
  /// A checkpoint, while the reader does nothing.
  void checkpoint_without_reader() {
    store->begin_checkpoint(state());
    for (bool worked = true; worked;) {
      worked = store->pump_one(Store::Background::journal) || store->pump_one(Store::Background::checkpoint) || !posted.empty();
      run_posted();
    }
  }
  std::uint64_t whole_bytes = 0;
};

}  // namespace

TEST_CASE("a segment that is read when it is trimmed away is shortened when that is done") {
  TrimmedRig rig;
  rig.files.set_cold(true);
  std::string read = "(not yet)";
  rig.store->read_topic(p0, 0, 40, 100, [&](Result<StoredBytes> bytes) { read = bytes.ok() ? "read" : bytes.error().text; });
  rig.trim();
  rig.checkpoint_without_reader();
  CHECK(rig.checkpoints == 3);
  CHECK(read == "(not yet)");
  CHECK(rig.files.open(trimmed_file).value()->size().value() == rig.whole_bytes);
  SUBCASE("in the running store") {
    while (rig.store->pump_one(Store::Background::reader)) {
    }
    REQUIRE(rig.store->pump_one(Store::Background::checkpoint));  // it hears of the files
    REQUIRE(rig.store->pump_one(Store::Background::checkpoint));
    CHECK(rig.files.open(trimmed_file).value()->size().value() < rig.whole_bytes);
    rig.settle();
    CHECK(read == "read");
    CHECK_FALSE(rig.files.exists(trimmed_file).value());
    CHECK(rig.troubles.empty());
  }
  SUBCASE("in one that ends in order meanwhile") { rig.close(rig.state()); }
  SUBCASE("in one that is killed meanwhile") { rig.kill(); }
  if (rig.store == nullptr) {
    rig.must_open();
    rig.settle();
    CHECK_FALSE(rig.files.exists(trimmed_file).value());
    CHECK(rig.values(p0, 30).size() == 10);
  }
}

TEST_CASE("a file that cannot be removed is told of, and harms nothing else") {
  TrimmedRig rig;
  rig.trim();
  rig.files.fail(1, FaultKind::io_error, FileOperation::remove);
  rig.checkpoint();
  REQUIRE(rig.troubles.size() == 1);
  CHECK(rig.troubles[0].text.find(trimmed_file) != std::string::npos);
  CHECK(rig.files.exists(trimmed_file).value());
  CHECK(rig.values(p0, 30).size() == 10);
  rig.append(p0, {"more"});
  rig.checkpoint();
  rig.kill();
  rig.must_open();
  rig.settle();
  CHECK_FALSE(rig.files.exists(trimmed_file).value());
}

}  // namespace tandem::file_remover_test
