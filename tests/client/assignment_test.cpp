#include "client/assignment.h"

#include <doctest/doctest.h>

using namespace tandem;
using namespace tandem::client;

namespace {

const std::string subscription_bytes{
    "\0\0"               // version
    "\0\0\0\2"           // topics
    "\0\1a\0\2bc"        //
    "\xff\xff\xff\xff",  // no user data
    2 + 4 + 3 + 4 + 4};

std::vector<std::int32_t> numbers(const std::vector<TopicPartition>& partitions) {
  std::vector<std::int32_t> found;
  for (const auto& partition : partitions) found.push_back(partition.partition);
  return found;
}

}  // namespace

TEST_CASE("a subscription is encoded as Kafka's consumer protocol version 0") {
  CHECK(encode_subscription({"a", "bc"}) == subscription_bytes);
  CHECK(*decode_subscription(subscription_bytes) == std::vector<std::string>{"a", "bc"});
}

TEST_CASE("a subscription of a later version is understood up to its topics") {
  auto later = subscription_bytes;
  later[1] = 3;
  later += "\0\0\0\0\0\0\0\5";
  CHECK(decode_subscription(later)->size() == 2);
}

TEST_CASE("a subscription or assignment that is cut short anywhere is corrupt") {
  const auto assignment = encode_assignment({{"a", 0}, {"a", 7}, {"b", 1}});
  CHECK(decode_assignment(assignment)->size() == 3);
  for (std::size_t size = 1; size < assignment.size() - 4; ++size)
    CHECK(decode_assignment(std::string_view(assignment).substr(0, size)).error().code == ErrorCode::corrupt);
  for (std::size_t size = 0; size < subscription_bytes.size() - 4; ++size)
    CHECK(decode_subscription(std::string_view(subscription_bytes).substr(0, size)).error().code ==
          ErrorCode::corrupt);
}

TEST_CASE("a count that the bytes cannot hold is corrupt, not an allocation") {
  const std::string huge("\0\0\x7f\xff\xff\xff\0\1a", 9);
  CHECK(decode_subscription(huge).error().code == ErrorCode::corrupt);
  CHECK(decode_assignment(huge).error().code == ErrorCode::corrupt);
}

TEST_CASE("an empty assignment is what a member without partitions gets") {
  CHECK(decode_assignment("")->empty());
  CHECK(decode_assignment(encode_assignment({}))->empty());
}

TEST_CASE("ranges go to members in their order, the first ones get one more") {
  const auto shares = assign_ranges({{"m-b", "", {"t"}}, {"m-a", "", {"t"}}, {"m-c", "", {"t"}}}, {{"t", 7}});
  CHECK(numbers(shares.at("m-a")) == std::vector<std::int32_t>{0, 1, 2});
  CHECK(numbers(shares.at("m-b")) == std::vector<std::int32_t>{3, 4});
  CHECK(numbers(shares.at("m-c")) == std::vector<std::int32_t>{5, 6});
}

TEST_CASE("members with an instance name come first, by that name") {
  const auto shares =
      assign_ranges({{"a", "", {"t"}}, {"z", "inst-2", {"t"}}, {"y", "inst-1", {"t"}}}, {{"t", 3}});
  CHECK(numbers(shares.at("y")) == std::vector<std::int32_t>{0});
  CHECK(numbers(shares.at("z")) == std::vector<std::int32_t>{1});
  CHECK(numbers(shares.at("a")) == std::vector<std::int32_t>{2});
}

TEST_CASE(
    "a topic goes only to those who subscribed to it, and more members than partitions leaves some without") {
  const auto shares = assign_ranges({{"a", "", {"t"}}, {"b", "", {"t", "u"}}, {"c", "", {"none"}}},
                                    {{"t", 1}, {"u", 2}, {"none", 0}});
  CHECK(shares.at("a") == std::vector<TopicPartition>{{"t", 0}});
  CHECK(shares.at("b") == std::vector<TopicPartition>{{"u", 0}, {"u", 1}});
  CHECK(shares.at("c").empty());
}
