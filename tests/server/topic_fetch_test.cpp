#include "broker/server/topic_fetch.h"

#include <doctest/doctest.h>

#include <optional>

#include "tests/server/fake_store.h"

namespace tandem::server {

namespace {

core::Fetched fetched(int partitions, std::uint32_t size_max) {
  core::Fetched result;
  result.size_max_bytes = size_max;
  for (int i = 0; i < partitions; ++i) {
    core::FetchedPartition partition;
    partition.partition = {TopicId{1}, i};
    partition.visible_end = 100;
    partition.size_max_bytes = 1000;
    result.partitions.push_back(partition);
  }
  return result;
}

struct Answer {
  std::optional<core::Fetched> fetched;
  std::vector<wire::Body> bodies;
  TopicFetch::Done done() {
    return [this](core::Send send, std::vector<wire::Body> b) {
      fetched = std::get<core::Fetched>(send);
      bodies = std::move(b);
    };
  }
};

}  // namespace

TEST_CASE("partitions are read one after the other, and answered together") {
  FakeStore store;
  Answer answer;
  TopicFetch::start(store, fetched(2, 5000), answer.done());
  REQUIRE(store.topic_reads.size() == 1);
  store.topic_reads[0].done(stored("aaaa"));
  REQUIRE(store.topic_reads.size() == 2);
  CHECK_FALSE(answer.fetched.has_value());
  store.topic_reads[1].done(stored("bb"));
  REQUIRE(answer.fetched.has_value());
  REQUIRE(answer.bodies.size() == 2);
  CHECK(text_of(answer.bodies[0].bytes) == "aaaa");
  CHECK(text_of(answer.bodies[1].bytes) == "bb");
}

TEST_CASE("the budget of the whole fetch bounds each read, and ends the reading") {
  FakeStore store;
  Answer answer;
  TopicFetch::start(store, fetched(3, 1500), answer.done());
  CHECK(store.topic_reads[0].size_max == 1000);
  store.topic_reads[0].done(stored(std::string(900, 'a')));
  CHECK(store.topic_reads[1].size_max == 600);
  store.topic_reads[1].done(stored(std::string(800, 'b')));  // one whole batch at least
  REQUIRE(answer.fetched.has_value());
  CHECK(store.topic_reads.size() == 2);
  CHECK(answer.bodies[2].bytes.empty());
}

TEST_CASE("a partition with an error or without news is not read") {
  FakeStore store;
  Answer answer;
  auto request = fetched(3, 5000);
  request.partitions[0].error = ErrorCode::out_of_range;
  request.partitions[1].offset = 100;
  TopicFetch::start(store, request, answer.done());
  REQUIRE(store.topic_reads.size() == 1);
  CHECK(store.topic_reads[0].partition.index == 2);
  store.topic_reads[0].done(stored("c"));
  REQUIRE(answer.bodies.size() == 3);
  CHECK(text_of(answer.bodies[2].bytes) == "c");
}

TEST_CASE("a partition that cannot be read says so, and the others are still answered") {
  FakeStore store;
  Answer answer;
  TopicFetch::start(store, fetched(2, 5000), answer.done());
  store.topic_reads[0].done(Error{ErrorCode::corrupt, "its checksum is wrong"});
  store.topic_reads[1].done(stored("bb"));
  REQUIRE(answer.fetched.has_value());
  CHECK(answer.bodies[0].error == ErrorCode::corrupt);
  CHECK(text_of(answer.bodies[1].bytes) == "bb");
}

TEST_CASE("ten thousand partitions in memory do not nest ten thousand calls") {
  FakeStore store;
  store.answer_at_once = true;
  Answer answer;
  TopicFetch::start(store, fetched(10'000, 1u << 30), answer.done());
  REQUIRE(answer.fetched.has_value());
  CHECK(answer.bodies.size() == 10'000);
}

}  // namespace tandem::server
