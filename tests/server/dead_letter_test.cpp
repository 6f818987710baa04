#include "broker/server/dead_letter.h"

#include <doctest/doctest.h>

namespace tandem::server {

namespace {

std::vector<std::byte> message(const Properties& properties, std::string_view key = "orders.new") {
  std::vector<std::byte> encoded, result;
  append_properties(encoded, properties);
  append_message(result, {"shop", key, encoded, bytes_of("body")});
  return result;
}

core::RewriteDeadLetter request(core::RemovalReason reason, std::string queue = "orders") {
  core::RewriteDeadLetter result;
  result.reason = reason;
  result.queue_name = std::move(queue);
  result.exchange = "graveyard";
  result.now = 1'700'000'000'500;
  return result;
}

struct Read {
  std::vector<std::byte> bytes;  // what `parts` looks into
  MessageParts parts;
  Properties properties;
  const Table& headers() const { return *properties.headers; }
  const Array& deaths() const { return *find(headers(), "x-death")->array(); }
  const Table& death(std::size_t i) const { return *deaths().at(i).table(); }
  std::string text(std::string_view header) const { return *find(headers(), header)->text(); }
};

Read read(std::vector<std::byte> bytes) {
  const auto parts = parse_message(bytes);
  REQUIRE(parts.has_value());
  auto properties = decode_properties(parts->properties);
  REQUIRE(properties.has_value());
  REQUIRE(properties->headers.has_value());
  return {std::move(bytes), *parts, *properties};
}

std::string text(const Table& table, std::string_view key) {
  return *find(table, key)->text();
}

std::vector<std::byte> rewrite(const core::RewriteDeadLetter& what, const std::vector<std::byte>& stored) {
  auto letter = rewrite_dead_letter(what, stored);
  REQUIRE(letter.has_value());
  return *letter;
}

}  // namespace

TEST_CASE("the first death gives x-death and the x-first-death headers") {
  const auto letter = rewrite(request(core::RemovalReason::rejected), message({}));
  const Read after = read(letter);
  CHECK(after.parts.exchange == "graveyard");
  CHECK(after.parts.routing_key == "orders.new");
  CHECK(text_of(after.parts.body) == "body");
  CHECK(after.text("x-first-death-reason") == "rejected");
  CHECK(after.text("x-first-death-queue") == "orders");
  CHECK(after.text("x-first-death-exchange") == "shop");
  REQUIRE(after.deaths().size() == 1);
  CHECK(*find(after.death(0), "count") == Value(std::int64_t{1}));
  CHECK(text(after.death(0), "reason") == "rejected");
  CHECK(text(after.death(0), "queue") == "orders");
  CHECK(text(after.death(0), "exchange") == "shop");
  CHECK(*find(after.death(0), "time") == Value(ValueType::timestamp, std::int64_t{1'700'000'000}));
  CHECK(*find(after.death(0), "routing-keys") == Value(Array{Value("orders.new")}));
}

TEST_CASE("every reason has RabbitMQ's word") {
  const std::pair<core::RemovalReason, std::string> words[] = {
      {core::RemovalReason::rejected, "rejected"},
      {core::RemovalReason::expired, "expired"},
      {core::RemovalReason::dropped, "maxlen"},
      {core::RemovalReason::delivery_limit, "delivery_limit"}};
  for (const auto& [reason, word] : words)
    CHECK(text(read(rewrite(request(reason), message({}))).death(0), "reason") == word);
}

TEST_CASE("a second death of the same queue and reason counts up, another one comes in front") {
  const auto once = rewrite(request(core::RemovalReason::rejected, "a"), message({}));
  const auto other = rewrite(request(core::RemovalReason::expired, "b"), once);
  const auto again = rewrite(request(core::RemovalReason::rejected, "a"), other);
  const Read after = read(again);
  REQUIRE(after.deaths().size() == 2);
  CHECK(text(after.death(0), "queue") == "a");
  CHECK(*find(after.death(0), "count") == Value(std::int64_t{2}));
  CHECK(text(after.death(1), "queue") == "b");
  CHECK(*find(after.death(1), "count") == Value(std::int64_t{1}));
  CHECK(after.text("x-first-death-queue") == "a");
}

TEST_CASE("the same queue with another reason is another death") {
  const auto once = rewrite(request(core::RemovalReason::rejected), message({}));
  const auto twice = rewrite(request(core::RemovalReason::expired), once);
  CHECK(read(twice).deaths().size() == 2);
}

TEST_CASE("the expiration is taken away and remembered") {
  Properties properties;
  properties.expiration = "5000";
  properties.priority = 7;
  const auto letter = rewrite(request(core::RemovalReason::expired), message(properties));
  const Read after = read(letter);
  CHECK_FALSE(after.properties.expiration.has_value());
  CHECK(after.properties.priority == 7);
  CHECK(text(after.death(0), "original-expiration") == "5000");
}

TEST_CASE("a dead-letter routing key replaces the message's and drops CC") {
  Properties properties;
  properties.headers = Table{{"CC", Value(Array{Value("copy")})}, {"kept", Value("yes")}};
  auto what = request(core::RemovalReason::rejected);
  what.routing_key = "dead";
  const Read after = read(rewrite(what, message(properties)));
  CHECK(after.parts.routing_key == "dead");
  CHECK(find(after.headers(), "CC") == nullptr);
  CHECK(after.text("kept") == "yes");
  CHECK(*find(after.death(0), "routing-keys") == Value(Array{Value("orders.new"), Value("copy")}));
}

TEST_CASE("without a dead-letter routing key CC stays") {
  Properties properties;
  properties.headers = Table{{"CC", Value(Array{Value("copy")})}};
  const Read after = read(rewrite(request(core::RemovalReason::rejected), message(properties)));
  CHECK(find(after.headers(), "CC") != nullptr);
}

TEST_CASE("an x-death header of another type is replaced") {
  Properties properties;
  properties.headers = Table{{"x-death", Value("nonsense")}};
  CHECK(read(rewrite(request(core::RemovalReason::rejected), message(properties))).deaths().size() == 1);
}

TEST_CASE("bytes that are no message are refused") {
  const auto whole = message({});
  CHECK_FALSE(rewrite_dead_letter(request(core::RemovalReason::rejected), Bytes{}).has_value());
  CHECK_FALSE(rewrite_dead_letter(request(core::RemovalReason::rejected), Bytes(whole).first(3)).has_value());
}

}  // namespace tandem::server
