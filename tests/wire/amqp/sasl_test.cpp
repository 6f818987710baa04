#include <doctest/doctest.h>

#include "broker/wire/amqp/sasl.h"
#include "schemas/message.h"

using namespace tandem;
using namespace tandem::wire::amqp;

TEST_CASE("PLAIN gives user and password") {
  const auto credentials = read_credentials("PLAIN", std::string_view("\0guest\0secret", 13));
  REQUIRE(credentials.has_value());
  CHECK(credentials->user == "guest");
  CHECK(credentials->password == "secret");
}

TEST_CASE("a PLAIN response without two zero octets is refused") {
  CHECK_FALSE(read_credentials("PLAIN", "guest"));
  CHECK_FALSE(read_credentials("PLAIN", std::string_view("\0guest", 6)));
  CHECK_FALSE(read_credentials("PLAIN", ""));
}

TEST_CASE("AMQPLAIN gives LOGIN and PASSWORD of a table without its length") {
  std::vector<std::byte> table;
  append_table(table, {{"LOGIN", Value("guest")}, {"PASSWORD", Value("secret")}});
  const auto credentials = read_credentials("AMQPLAIN", text_of(Bytes(table).subspan(4)));
  REQUIRE(credentials.has_value());
  CHECK(credentials->user == "guest");
  CHECK(credentials->password == "secret");
}

TEST_CASE("an AMQPLAIN response without a password, or of another type, is refused") {
  std::vector<std::byte> table;
  append_table(table, {{"LOGIN", Value("guest")}});
  CHECK_FALSE(read_credentials("AMQPLAIN", text_of(Bytes(table).subspan(4))));
  table.clear();
  append_table(table, {{"LOGIN", Value("guest")}, {"PASSWORD", Value(1)}});
  CHECK_FALSE(read_credentials("AMQPLAIN", text_of(Bytes(table).subspan(4))));
  CHECK_FALSE(read_credentials("AMQPLAIN", "not a table"));
}
