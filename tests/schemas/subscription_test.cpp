#include "schemas/subscription.h"

#include <doctest/doctest.h>

#include <string>

namespace tandem::subscription_test {
namespace {

using namespace std::string_literals;
const std::string encoded = "\0\1\0\0\0\2\0\6orders\0\1p\xff\xff\xff\xff"s;

}  // namespace

TEST_CASE("a subscription's topics are read, and what later versions add is left alone") {
  CHECK(subscribed_topics(bytes_of(encoded)) == std::vector<std::string_view>{"orders", "p"});
  CHECK(subscribed_topics(bytes_of("\0\0\0\0\0\0"s)) == std::vector<std::string_view>{});
}

TEST_CASE("anything else is no subscription: truncated, negative, or with more topics than bytes") {
  for (std::size_t size = 0; size < encoded.size() - 4; ++size)
    CHECK_FALSE(subscribed_topics(bytes_of(encoded.substr(0, size))).has_value());
  CHECK_FALSE(subscribed_topics(bytes_of("\0\0\x7f\xff\xff\xff"s)).has_value());
  CHECK_FALSE(subscribed_topics(bytes_of("\0\0\xff\xff\xff\xff"s)).has_value());
}

}  // namespace tandem::subscription_test
