#include <fstream>

#include "tests/storage/store_support.h"

namespace tandem::check_store_test {
namespace {

const QueueId queue{1};
const PartitionId partition{TopicId(5), 0};

/// A closed store with something in every file.
void make(test::StoreRig& rig, bool clean) {
  rig.must_open();
  rig.declare_queue(queue);
  rig.create_topic(partition.topic);
  std::vector<core::QueueEntry> entries;
  for (QueueSeq seq = 1; seq <= 20; ++seq) entries.push_back(rig.publish(queue, seq, std::string(100, 'm')));
  for (int i = 0; i < 20; ++i) rig.append(partition, {"value " + std::to_string(i)});
  rig.checkpoint({{queue, 0, entries}});
  rig.publish(queue, 21, "in the journal");
  rig.append(partition, {"in the journal"});
  rig.persist();
  if (clean)
    rig.close(rig.state());
  else
    rig.kill();
}

}  // namespace

TEST_CASE("a whole store has no problems, and its facts are told") {
  for (const bool clean : {false, true}) {
    test::StoreRig rig;
    make(rig, clean);
    const auto report = storage::check_store("/store", rig.files, rig.options.lmdb_directory);
    REQUIRE(report.ok());
    CHECK(report->problems.empty());
    CHECK(report->facts.size() >= 4);
  }
}

TEST_CASE("a flipped bit in the backlog or a segment is found") {
  for (const std::uint64_t position : {0, 20, 45, 700, 1500}) {
    test::StoreRig rig;
    make(rig, false);
    rig.files.flip_bit("/store/backlog.dat", position);
    CHECK(rig.problems().size() == 1);
    CHECK(rig.problems().at(0).find("backlog.dat") != std::string::npos);
  }
  for (const std::uint64_t position : {8, 17, 60, 600}) {
    test::StoreRig rig;
    make(rig, false);
    rig.files.flip_bit("/store/topics/5/0/00000000000000000000.segment", position);
    CHECK(rig.problems().size() == 1);
    CHECK(rig.problems().at(0).find(".segment") != std::string::npos);
  }
}

TEST_CASE("a missing or shortened file is found") {
  test::StoreRig rig;
  make(rig, true);
  const std::string segment = "/store/topics/5/0/00000000000000000000.segment";
  SUBCASE("shortened segment") {
    REQUIRE(rig.files.open(segment).value()->truncate(300).ok());
  }
  SUBCASE("missing segment") {
    REQUIRE(rig.files.remove(segment).ok());
  }
  SUBCASE("shortened backlog") {
    REQUIRE(rig.files.open("/store/backlog.dat").value()->truncate(100).ok());
  }
  CHECK(rig.problems().size() >= 1);
}

TEST_CASE("a flipped byte of the checkpoint is found, wherever it is") {
  test::StoreRig rig;
  make(rig, true);
  const std::string path = rig.options.lmdb_directory + "/checkpoint.mdb";
  std::string bytes;
  {
    std::ifstream file(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  // The record of queue q1, in every copy that the file has.
  int flipped = 0;
  for (std::size_t at = bytes.find("\x02q1"); at != std::string::npos;
       at = bytes.find("\x02q1", at + 1), ++flipped)
    bytes[at + 2] = '2';
  REQUIRE(flipped > 0);
  std::ofstream(path, std::ios::binary) << bytes;
  REQUIRE(rig.problems().size() == 1);
  CHECK(rig.problems()[0].find("checkpoint.mdb") != std::string::npos);
  const auto opened = rig.open();
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().code == ErrorCode::corrupt);
}

TEST_CASE("a directory that is in use or no store is not checked") {
  test::StoreRig rig;
  rig.must_open();
  CHECK(storage::check_store("/store", rig.files, rig.options.lmdb_directory).error().code ==
        ErrorCode::locked);
  CHECK(storage::check_store("/other", rig.files, rig.options.lmdb_directory).error().code ==
        ErrorCode::not_found);
}

}  // namespace tandem::check_store_test
