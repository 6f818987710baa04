#include "broker/server/delayed.h"
#include "doctest/doctest.h"

using namespace tandem;

namespace {

Table headers_after(Table headers) {
  std::vector<std::byte> properties, stored;
  append_properties(properties, {.headers = std::move(headers), .message_id = "m"});
  append_message(stored, {"later", "key", properties, bytes_of("body")});
  const auto done = server::end_delay(stored);
  REQUIRE(done);
  const auto message = parse_message(*done);
  REQUIRE(message);
  CHECK(message->exchange == "later");
  CHECK(message->routing_key == "key");
  CHECK(text_of(message->body) == "body");
  const auto decoded = decode_properties(message->properties);
  REQUIRE(decoded);
  CHECK(decoded->message_id == "m");
  return decoded->headers.value_or(Table{});
}

TEST_CASE("a delay that is over is written as a negative number, of the type it had where that has a sign") {
  CHECK(headers_after({{"x-delay", 500}, {"a", 1}}) == Table{{"x-delay", -500}, {"a", 1}});
  const Value unsigned_delay(ValueType::uint32, std::int64_t{4'000'000'000});
  CHECK(headers_after({{"x-delay", unsigned_delay}}) == Table{{"x-delay", Value(std::int64_t{-4'000'000'000})}});
}

TEST_CASE("what is no delay is left as it is") {
  CHECK(headers_after({{"x-delay", -5}}) == Table{{"x-delay", -5}});
  CHECK(headers_after({{"x-delay", "soon"}, {"delay", 5}}) == Table{{"x-delay", "soon"}, {"delay", 5}});
}

TEST_CASE("a damaged message is no message") {
  CHECK_FALSE(server::end_delay(bytes_of("\x05xx")));
}

}  // namespace
