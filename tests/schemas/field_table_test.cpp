#include "schemas/field_table.h"

#include <doctest/doctest.h>

#include <limits>
#include <random>

using namespace tandem;

namespace {

Table every_type() {
  return {
      {"t", Value(true)},
      {"b", Value(ValueType::int8, std::int64_t{-128})},
      {"B", Value(ValueType::uint8, std::int64_t{255})},
      {"s", Value(ValueType::int16, std::int64_t{-32768})},
      {"u", Value(ValueType::uint16, std::int64_t{65535})},
      {"I", Value(ValueType::int32, std::int64_t{std::numeric_limits<std::int32_t>::min()})},
      {"i", Value(ValueType::uint32, std::int64_t{0xffffffff})},
      {"l", Value(ValueType::int64, std::numeric_limits<std::int64_t>::min())},
      {"f", Value(ValueType::float32, 0.5)},
      {"d", Value(ValueType::float64, 0.1)},
      {"D", Value(ValueType::decimal, Decimal{2, -12345})},
      {"S", Value("text")},
      {"A", Value(Array{Value(1), Value("x"), Value(Array{})})},
      {"T", Value(ValueType::timestamp, std::int64_t{1700000000})},
      {"F", Value(Table{{"inner", Value(false)}})},
      {"V", Value()},
      {"x", Value(ValueType::bytes, std::string("\0\xff", 2))},
      {"", Value("an empty name")},
  };
}

std::vector<std::byte> encode(const Table& table) {
  std::vector<std::byte> out;
  append_table(out, table);
  return out;
}

/// A table `depth` deep, the outermost counted.
Table nested_tables(int depth) {
  Table table{{"leaf", Value(1)}};
  for (int i = 1; i < depth; ++i) table = Table{{"t", Value(std::move(table))}};
  return table;
}

/// A table that holds arrays, `depth` deep in all.
Table nested_arrays(int depth) {
  Array array;
  for (int i = 2; i < depth; ++i) array = Array{Value(std::move(array))};
  return Table{{"a", Value(std::move(array))}};
}

bool skips(Bytes encoded) {
  ByteReader reader(encoded);
  Bytes table;
  return skip_table(reader, table);
}

}  // namespace

TEST_CASE("a table with every type of RabbitMQ's comes back as it was") {
  std::size_t consumed = 0;
  auto encoded = encode(every_type());
  const std::size_t size = encoded.size();
  encoded.push_back(std::byte{7});  // something else behind it
  const auto table = decode_table(encoded, &consumed);
  REQUIRE(table);
  CHECK(*table == every_type());
  CHECK(consumed == size);
}

TEST_CASE("stepping over a table finds its end") {
  auto encoded = encode(every_type());
  const std::size_t size = encoded.size();
  encoded.push_back(std::byte{7});
  ByteReader reader(encoded);
  Bytes table;
  REQUIRE(skip_table(reader, table));
  CHECK(table.size() == size);
  CHECK(reader.rest().size() == 1);
}

TEST_CASE("a table has the documented bytes") {
  const auto encoded = encode({{"n", Value(258)}, {"s", Value("hi")}});
  const std::string_view expected("\0\0\0\x10\1nI\0\0\1\2\1sS\0\0\0\2hi", 20);
  CHECK(text_of(Bytes(encoded)) == expected);
}

TEST_CASE("an L is read like an l, as RabbitMQ does: py-amqp writes integers of more than 32 bits so") {
  const std::string_view fields("\1hL\xff\xff\xff\xff\x7f\xff\xff\xff\1aA\0\0\0\x09L\0\0\0\x1f\x40\0\0\0", 27);
  const std::string encoded = std::string("\0\0\0\x1b", 4) + std::string(fields);
  const auto table = decode_table(bytes_of(encoded));
  REQUIRE(table);
  CHECK((*table)[0].second == Value(std::int64_t{-2'147'483'649}));
  CHECK(std::get<Array>((*table)[1].second.data)[0] == Value(std::int64_t{134'217'728'000}));
  CHECK(skips(bytes_of(encoded)));
}

TEST_CASE("a table cut anywhere is malformed") {
  const auto encoded = encode(every_type());
  for (std::size_t size = 0; size < encoded.size(); ++size) {
    CHECK_FALSE(decode_table(Bytes(encoded).first(size)));
    CHECK_FALSE(skips(Bytes(encoded).first(size)));
  }
}

TEST_CASE("tables nested to the limit are read and one deeper are malformed") {
  CHECK(decode_table(encode(nested_tables(field_nesting_max))) == nested_tables(field_nesting_max));
  CHECK(skips(encode(nested_tables(field_nesting_max))));
  CHECK_FALSE(decode_table(encode(nested_tables(field_nesting_max + 1))));
  CHECK_FALSE(skips(encode(nested_tables(field_nesting_max + 1))));
}

TEST_CASE("arrays count towards the nesting limit") {
  CHECK(decode_table(encode(nested_arrays(field_nesting_max))));
  CHECK(skips(encode(nested_arrays(field_nesting_max))));
  CHECK_FALSE(decode_table(encode(nested_arrays(field_nesting_max + 1))));
  CHECK_FALSE(skips(encode(nested_arrays(field_nesting_max + 1))));
}

TEST_CASE("an inner length that reaches beyond its table is malformed") {
  auto encoded = encode({{"s", Value("hi")}});
  encoded[4 + 2 + 1 + 3] = std::byte{3};  // the text says three bytes, the table has two
  CHECK_FALSE(decode_table(encoded));
  CHECK_FALSE(skips(encoded));
}

TEST_CASE("stepping over and decoding agree on damaged tables") {
  std::mt19937 random(20240601);
  const auto whole = encode(every_type());
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    auto damaged = whole;
    const std::size_t changes = 1 + random() % 3;
    for (std::size_t i = 0; i < changes; ++i)
      damaged[random() % damaged.size()] = static_cast<std::byte>(random());
    const bool decoded = decode_table(damaged).has_value();
    REQUIRE(decoded == skips(damaged));
    refused += decoded ? 0 : 1;
  }
  CHECK(refused > 1'000);
}
