#include "broker/base/name_pattern.h"

#include <string>

#include "doctest/doctest.h"

namespace tandem {
namespace {

bool finds(std::string_view pattern, std::string_view name) {
  const auto compiled = NamePattern::compile(pattern);
  REQUIRE_MESSAGE(compiled.ok(), pattern);
  return compiled->finds_in(name);
}

TEST_CASE("a pattern is searched for in a name, and held to its ends where it says so") {
  CHECK(finds("order", "my-orders"));
  CHECK_FALSE(finds("^order", "my-orders"));
  CHECK(finds("^(amq\\.gen.*|orders)$", "amq.gen-x1"));
  CHECK_FALSE(finds("^(amq\\.gen.*|orders)$", "orders2"));
  CHECK(finds("(?i)^ORDERS$", "orders"));
  CHECK_FALSE(finds("^orders$", "orders\n"));  // stricter than RabbitMQ's, whose names have no line ends
}

TEST_CASE("a name is octets") {
  CHECK(finds("^..$", "\xC3\xA4"));
  CHECK(finds("^.$", "\xFF"));
  CHECK(finds("^\xC3\xA4$", "\xC3\xA4"));
}

TEST_CASE("the empty pattern finds no name, and neither does one that was never compiled") {
  CHECK_FALSE(finds("", "orders"));
  CHECK_FALSE(finds("^$", "orders"));
  CHECK(finds("", ""));
  CHECK_FALSE(NamePattern().finds_in("orders"));
  CHECK_FALSE(NamePattern().finds_in(""));
}

TEST_CASE("a pattern that finds every name says so, unless it takes a match to know") {
  for (const char* all : {".*", "^.*$", "^.*"}) {
    CHECK(NamePattern::compile(all)->finds_all());
    CHECK(finds(all, "orders"));
  }
  for (const char* other : {"", "^$", ".+", "orders"}) CHECK_FALSE(NamePattern::compile(other)->finds_all());
}

TEST_CASE("what cannot be matched in linear time, or is no pattern, or too much of one, is refused with its reason") {
  const auto why = [](std::string_view pattern) {
    const auto compiled = NamePattern::compile(pattern);
    return compiled ? std::string() : compiled.error().text;
  };
  CHECK(why("^(?!secret)").find("(?!") != std::string::npos);
  CHECK(why("(a)\\1").find("\\1") != std::string::npos);
  CHECK(why("(orders").find("missing )") != std::string::npos);
  CHECK(why(std::string(NamePattern::size_max_bytes, 'a')).empty());
  CHECK(why(std::string(NamePattern::size_max_bytes + 1, 'a')).find("1024 bytes") != std::string::npos);
  CHECK(why("((a{1,100}){1,100}){1,100}").find("linear time") != std::string::npos);
}

TEST_CASE("a pattern that takes others exponential time takes none here") {
  CHECK_FALSE(finds("^(a+)+$", std::string(254, 'a') + "b"));
  CHECK(finds("(x+x+)+y", std::string(254, 'x') + "y"));
}

}  // namespace
}  // namespace tandem
