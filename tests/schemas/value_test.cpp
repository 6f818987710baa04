#include "schemas/value.h"

#include <doctest/doctest.h>

using namespace tandem;

TEST_CASE("integers are equivalent by value whatever their width") {
  const Value narrow(ValueType::int8, std::int64_t{5});
  CHECK(equivalent(narrow, Value(std::int64_t{5})));
  CHECK_FALSE(equivalent(narrow, Value(6)));
}

TEST_CASE("an integer is not equivalent to a float, a text or a timestamp of the same value") {
  CHECK_FALSE(equivalent(Value(5), Value(5.0)));
  CHECK_FALSE(equivalent(Value(5), Value("5")));
  CHECK_FALSE(equivalent(Value(5), Value(ValueType::timestamp, std::int64_t{5})));
}

TEST_CASE("text and bytes of the same content are not equivalent") {
  CHECK(equivalent(Value("a"), Value("a")));
  CHECK_FALSE(equivalent(Value("a"), Value(ValueType::bytes, std::string("a"))));
}

TEST_CASE("arrays and tables are equivalent when their elements are") {
  const Value narrow(ValueType::int16, std::int64_t{1});
  CHECK(equivalent(Value(Array{narrow}), Value(Array{Value(1)})));
  CHECK_FALSE(equivalent(Value(Array{narrow}), Value(Array{Value(1), Value(2)})));
  CHECK(equivalent(Value(Table{{"k", narrow}}), Value(Table{{"k", Value(1)}})));
  CHECK_FALSE(equivalent(Value(Table{{"k", narrow}}), Value(Table{{"other", Value(1)}})));
}

TEST_CASE("values read like a person would write them") {
  CHECK(to_text(Value(30000)) == "30000");
  CHECK(to_text(Value(true)) == "true");
  CHECK(to_text(Value("text")) == "'text'");
  CHECK(to_text(Value(0.5)) == "0.5");
  CHECK(to_text(Value()) == "none");
  CHECK(to_text(Value(ValueType::decimal, Decimal{2, -125})) == "-125e-2");
  CHECK(to_text(Value(ValueType::bytes, std::string("abc"))) == "<3 bytes>");
  CHECK(to_text(Value(Array{Value(1), Value("a")})) == "[1, 'a']");
  CHECK(to_text(Value(Table{{"k", Value(1)}, {"l", Value(false)}})) == "{k: 1, l: false}");
}

TEST_CASE("text from a peer cannot break a line") {
  CHECK(to_text(Value("a\nb\x1b[0m")) == "'a\\x0ab\\x1b[0m'");
  CHECK(to_text(Value(Table{{"a\r", Value(1)}})) == "{a\\x0d: 1}");
}
