#include "schemas/topic_record.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

namespace tandem {
namespace {

std::vector<std::byte> message(const Properties& properties, std::string_view body = "body",
                               std::string_view routing_key = "orders.eu",
                               std::string_view exchange = "shop") {
  std::vector<std::byte> encoded, stored;
  append_properties(encoded, properties);
  append_message(stored, {exchange, routing_key, encoded, bytes_of(body)});
  return stored;
}

Properties all_properties() {
  Properties properties;
  properties.content_type = "text/plain";
  properties.content_encoding = "gzip";
  properties.headers = Table{
      {"text", "value"},
      {"number", 42},
      {"flag", true},
      {"void", Value{}},
      {"zero", std::string("\0x", 2)},
      {"nested", Table{{"a", Array{1, "two"}}}},
      {"x-exchange", "mine"},
      {"x-amqp-type", "mine too"},
      {"bytes", Value(ValueType::bytes, std::string("\x00\x01", 2))},
      {"when", Value(ValueType::timestamp, std::int64_t{99})},
  };
  properties.delivery_mode = 2;
  properties.priority = 7;
  properties.correlation_id = "corr";
  properties.reply_to = "answers";
  properties.expiration = "60000";
  properties.message_id = "m-1";
  properties.timestamp = 1700000000;
  properties.type = "order";
  properties.user_id = "guest";
  properties.app_id = "app";
  properties.cluster_id = "c";
  return properties;
}

/// Calls `check` with the one record of the batch.
template <class Check>
void with_record(BatchBuilder& builder, Check check) {
  const auto batch = builder.finish().value();
  int count = 0;
  REQUIRE(for_each_record(batch, [&](const RecordView& record) {
            check(record);
            ++count;
            return true;
          }).ok());
  REQUIRE(count == 1);
}

std::vector<std::byte> round_trip(Bytes stored, std::optional<std::string_view> key = std::nullopt) {
  BatchBuilder builder;
  REQUIRE(add_message(builder, stored, 5, key).ok());
  std::vector<std::byte> back;
  with_record(builder, [&](const RecordView& record) { back = message_of(record); });
  return back;
}

}  // namespace

TEST_CASE("a message that becomes a record and a message again is the same message") {
  Properties empty_table;
  empty_table.headers = Table{};
  for (const auto& stored :
       {message(all_properties()), message({}), message(empty_table), message({}, ""),
        message({}, "b", "", ""), message({}, "b", std::string(255, 'k'), std::string(255, 'e'))}) {
    CHECK(round_trip(stored) == stored);
    CHECK(round_trip(stored, "another key") == stored);
  }
}

TEST_CASE("key, value, timestamp and headers of a record are what a Kafka consumer expects") {
  BatchBuilder builder;
  REQUIRE(add_message(builder, message(all_properties()), 1234).ok());
  with_record(builder, [](const RecordView& record) {
    CHECK(text_of(*record.key) == "orders.eu");
    CHECK(text_of(*record.value) == "body");
    CHECK(record.timestamp == 1234);
    std::map<std::string, std::string> headers;
    for (const auto& header : record.headers)
      headers[std::string(header.key)] = header.value ? std::string(text_of(*header.value)) : "(null)";
    CHECK(headers["x-exchange"] == "shop");
    CHECK(headers["x-routing-key"] == "orders.eu");
    CHECK(headers["x-amqp-content-type"] == "text/plain");
    CHECK(headers["x-amqp-priority"] == "7");
    CHECK(headers["text"] == "value");
    CHECK(headers["void"] == "(null)");
    CHECK(headers["x-amqp-header-x-exchange"] == "mine");
    CHECK(headers["number"].front() == '\0');
  });
}

TEST_CASE("a binding's key replaces the routing key") {
  BatchBuilder builder;
  REQUIRE(add_message(builder, message({}), 1, "chosen").ok());
  with_record(builder, [](const RecordView& record) { CHECK(text_of(*record.key) == "chosen"); });
}

TEST_CASE("a producer's own record keeps key, value and headers through a message") {
  const std::string long_key(300, 'k'), binary("\0\0\0\5", 4), like_typed("\0t\1", 3);
  const RecordHeader headers[] = {{"plain", bytes_of("v")},
                                  {"binary", bytes_of(binary)},
                                  {"like", bytes_of(like_typed)},
                                  {"null", std::nullopt},
                                  {"plain", bytes_of("twice")}};
  struct Case {
    std::optional<Bytes> key, value;
  };
  for (const auto& [key, value] : {Case{bytes_of("k"), bytes_of("v")}, Case{std::nullopt, bytes_of("v")},
                                   Case{bytes_of(""), bytes_of("v")}, Case{bytes_of(long_key), bytes_of("")},
                                   Case{bytes_of("k"), std::nullopt}}) {
    BatchBuilder first, second;
    first.add(1, key, value, headers);
    std::vector<std::byte> stored;
    with_record(first, [&](const RecordView& record) { stored = message_of(record); });
    REQUIRE(add_message(second, stored, 1).ok());
    with_record(second, [&, key = key, value = value](const RecordView& record) {
      REQUIRE(record.key.has_value() == key.has_value());
      if (key) CHECK(text_of(*record.key) == text_of(*key));
      REQUIRE(record.value.has_value() == value.has_value());
      if (value) CHECK(text_of(*record.value) == text_of(*value));
      REQUIRE(record.headers.size() == 2 + std::size(headers));
      for (std::size_t i = 0; i < std::size(headers); ++i) {
        CHECK(record.headers[2 + i].key == headers[i].key);
        REQUIRE(record.headers[2 + i].value.has_value() == headers[i].value.has_value());
        if (headers[i].value) CHECK(text_of(*record.headers[2 + i].value) == text_of(*headers[i].value));
      }
    });
  }
}

TEST_CASE("what is not a message is refused") {
  BatchBuilder builder;
  CHECK(add_message(builder, bytes_of("no"), 1).error().code == ErrorCode::corrupt);
  std::vector<std::byte> stored;
  append_message(stored, {"e", "k", bytes_of("\xff\xff broken"), bytes_of("b")});
  CHECK(add_message(builder, stored, 1).error().code == ErrorCode::corrupt);
  CHECK(builder.empty());
}

}  // namespace tandem
