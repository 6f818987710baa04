#include "schemas/message.h"

#include <doctest/doctest.h>

using namespace tandem;

namespace {

std::vector<std::byte> encode(const Properties& properties) {
  std::vector<std::byte> out;
  append_properties(out, properties);
  return out;
}

std::vector<std::byte> raw(std::initializer_list<int> octets) {
  std::vector<std::byte> out;
  for (const int octet : octets) out.push_back(static_cast<std::byte>(octet));
  return out;
}

Properties all_properties() {
  Properties p;
  p.content_type = "text/plain";
  p.content_encoding = "gzip";
  p.headers = Table{{"a", Value(1)}, {"b", Value("two")}};
  p.delivery_mode = 2;
  p.priority = 7;
  p.correlation_id = "c-1";
  p.reply_to = "replies";
  p.expiration = "30000";
  p.message_id = "m-1";
  p.timestamp = 1700000000;
  p.type = "order";
  p.user_id = "guest";
  p.app_id = "shop";
  p.cluster_id = "";
  return p;
}

/// Every beginning is refused by both readers of properties, so neither trusts a length.
void check_every_truncation_is_malformed(Bytes whole) {
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK_FALSE(decode_properties(whole.first(size)));
    CHECK_FALSE(glance_properties(whole.first(size)));
  }
}

}  // namespace

TEST_CASE("a stored message gives back what was put in") {
  const auto properties = encode(all_properties());
  const MessageParts parts{"orders", "eu.new", properties, bytes_of("hello")};
  std::vector<std::byte> stored;
  append_message(stored, parts);
  CHECK(stored.size() == message_size_bytes(parts));

  const auto read = parse_message(stored);
  REQUIRE(read);
  CHECK(read->exchange == "orders");
  CHECK(read->routing_key == "eu.new");
  CHECK(text_of(read->properties) == text_of(Bytes(properties)));
  CHECK(text_of(read->body) == "hello");
}

TEST_CASE("a stored message has the documented bytes") {
  const auto properties = raw({0x10, 0x00, 2});
  std::vector<std::byte> stored;
  append_message(stored, {"x", "key", properties, bytes_of("b")});
  CHECK(stored == raw({1, 'x', 3, 'k', 'e', 'y', 3, 0, 0, 0, 0x10, 0x00, 2, 'b'}));
}

TEST_CASE("a stored message cut before its body is not a message") {
  const auto properties = encode(all_properties());
  std::vector<std::byte> stored;
  append_message(stored, {"orders", "eu.new", properties, {}});
  for (std::size_t size = 0; size < stored.size(); ++size)
    CHECK_FALSE(parse_message(Bytes(stored).first(size)));
  CHECK(parse_message(stored));
}

TEST_CASE("all properties survive encoding and decoding") {
  const auto read = decode_properties(encode(all_properties()));
  REQUIRE(read);
  CHECK(*read == all_properties());
}

TEST_CASE("absent properties stay absent and empty ones stay empty") {
  CHECK(encode(Properties{}) == raw({0, 0}));
  CHECK(decode_properties(raw({0, 0})) == Properties{});
  Properties empty_type;
  empty_type.type = "";
  CHECK(decode_properties(encode(empty_type)) == empty_type);
}

TEST_CASE("properties have the bytes of AMQP 0-9-1") {
  Properties p;
  p.content_type = "a";
  p.delivery_mode = 2;
  p.timestamp = 258;
  CHECK(encode(p) == raw({0x90, 0x40, 1, 'a', 2, 0, 0, 0, 0, 0, 0, 1, 2}));
}

TEST_CASE("a glance finds what routing and queues look at") {
  const auto encoded = encode(all_properties());
  const auto glance = glance_properties(encoded);
  REQUIRE(glance);
  CHECK(glance->persistent);
  CHECK(glance->priority == 7);
  CHECK(glance->expiration == "30000");
  CHECK(glance->user_id == "guest");
  CHECK(glance->reply_to == "replies");
  CHECK((glance->flags & flag_message_id) != 0);
  CHECK(decode_table(glance->headers) == all_properties().headers);
}

TEST_CASE("a glance at a transient message without properties says so") {
  const auto glance = glance_properties(raw({0, 0}));
  REQUIRE(glance);
  CHECK_FALSE(glance->persistent);
  CHECK(glance->headers.empty());
  CHECK_FALSE(glance_properties(raw({0x10, 0, 1}))->persistent);
}

TEST_CASE("properties cut anywhere are malformed") {
  check_every_truncation_is_malformed(encode(all_properties()));
}

TEST_CASE("bytes behind the last property are malformed") {
  auto encoded = encode(all_properties());
  encoded.push_back(std::byte{0});
  CHECK_FALSE(decode_properties(encoded));
  CHECK_FALSE(glance_properties(encoded));
}

TEST_CASE("flags that no property has are malformed") {
  for (const int low : {1, 2}) {
    CHECK_FALSE(decode_properties(raw({0, low})));
    CHECK_FALSE(glance_properties(raw({0, low})));
  }
}

TEST_CASE("a glance refuses headers that decoding would refuse") {
  const auto unknown_type = raw({0x20, 0, 0, 0, 0, 3, 1, 'a', '?'});
  CHECK_FALSE(glance_properties(unknown_type));
  CHECK_FALSE(decode_properties(unknown_type));
}
