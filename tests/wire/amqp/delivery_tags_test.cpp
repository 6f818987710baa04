#include <doctest/doctest.h>

#include "broker/wire/amqp/delivery_tags.h"

using tandem::wire::amqp::DeliveryTags;

namespace {

using Consumers = std::vector<std::uint64_t>;

TEST_CASE("tags go on where the core's were, and say whose each is") {
  DeliveryTags tags;
  CHECK_FALSE(tags.active());
  tags.begin(7);
  CHECK(tags.active());
  CHECK(tags.add_streamed(30) == 8);
  CHECK(tags.add_queued(8) == 9);
  CHECK(tags.add_streamed(31) == 10);
  auto settled = tags.settle(9, false);
  REQUIRE(settled);
  CHECK(settled->core_tag == 8);
  CHECK(settled->consumers.empty());
  settled = tags.settle(10, false);
  REQUIRE(settled);
  CHECK(settled->core_tag == 0);
  CHECK(settled->consumers == Consumers{31});
}

TEST_CASE("a tag from before stays the core's own") {
  DeliveryTags tags;
  tags.begin(7);
  const auto settled = tags.settle(5, false);
  REQUIRE(settled);
  CHECK(settled->core_tag == 5);
}

TEST_CASE("a tag that was not given, or was settled, is unknown") {
  DeliveryTags tags;
  tags.begin(0);
  CHECK_FALSE(tags.settle(1, false));
  tags.add_streamed(1);
  tags.add_streamed(1);
  CHECK_FALSE(tags.settle(3, false));
  CHECK(tags.settle(2, false));
  CHECK_FALSE(tags.settle(2, false));
  CHECK_FALSE(tags.settle(2, true));
  CHECK(tags.settle(1, false));
  CHECK_FALSE(tags.settle(1, false));
}

TEST_CASE("multiple settles all up to its tag, of queues and of streams") {
  DeliveryTags tags;
  tags.begin(2);
  tags.add_queued(3);      // 3
  tags.add_streamed(50);   // 4
  tags.add_queued(4);      // 5
  tags.add_streamed(50);   // 6
  tags.add_queued(5);      // 7
  auto settled = tags.settle(6, true);
  REQUIRE(settled);
  CHECK(settled->core_tag == 4);
  CHECK(settled->multiple);
  CHECK(settled->consumers == Consumers{50, 50});
  settled = tags.settle(0, true);  // all that is left
  REQUIRE(settled);
  CHECK(settled->core_tag == 5);
  CHECK(settled->consumers.empty());
}

TEST_CASE("multiple reaches the tags from before too") {
  DeliveryTags tags;
  tags.begin(9);
  tags.add_streamed(1);
  const auto settled = tags.settle(10, true);
  REQUIRE(settled);
  CHECK(settled->core_tag == 9);
}

TEST_CASE("after a recover the queues' tags are unknown, the streams' are not") {
  DeliveryTags tags;
  tags.begin(0);
  tags.add_queued(1);
  tags.add_streamed(4);
  tags.forget_queued();
  CHECK_FALSE(tags.settle(1, false));
  CHECK(tags.settle(2, false));
}

}  // namespace
