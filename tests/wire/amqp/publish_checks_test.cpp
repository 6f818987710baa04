#include <doctest/doctest.h>

#include "broker/wire/amqp/publish_checks.h"

using namespace tandem;
using namespace tandem::wire::amqp;

namespace {

std::string problem(const Properties& properties, std::string_view user = "guest") {
  std::vector<std::byte> encoded;
  append_properties(encoded, properties);
  const auto glance = glance_properties(encoded);
  REQUIRE(glance.has_value());
  const Verdict verdict = check_properties(*glance, user);
  return verdict ? reply_text(*verdict) : "";
}

std::string expiration_problem(std::string text) {
  Properties properties;
  properties.expiration = std::move(text);
  return problem(properties);
}

Properties rewritten(const Properties& properties, std::string_view reply_queue) {
  std::vector<std::byte> encoded, out;
  append_properties(encoded, properties);
  rewrite_properties(out, encoded, reply_queue);
  const auto decoded = decode_properties(out);
  REQUIRE(decoded.has_value());
  return *decoded;
}

}  // namespace

TEST_CASE("an expiration is a whole number of milliseconds, refused in RabbitMQ's words") {
  CHECK(expiration_problem("60000") == "");
  CHECK(expiration_problem("0") == "");
  CHECK(expiration_problem("+5") == "");
  CHECK(expiration_problem("4294967296") == "");
  CHECK(expiration_problem("315360000000") == "");
  CHECK(expiration_problem("foo") == "PRECONDITION_FAILED - invalid expiration 'foo': no_integer");
  CHECK(expiration_problem("") == "PRECONDITION_FAILED - invalid expiration '': no_integer");
  CHECK(expiration_problem("10foobar") ==
        "PRECONDITION_FAILED - invalid expiration '10foobar': {leftover_string,\"foobar\"}");
  CHECK(expiration_problem("-1") == "PRECONDITION_FAILED - invalid expiration '-1': {value_negative,-1}");
  CHECK(expiration_problem("315360000001") ==
        "PRECONDITION_FAILED - invalid expiration '315360000001': {value_too_large,315360000001}");
  CHECK(expiration_problem("99999999999999999999") ==
        "PRECONDITION_FAILED - invalid expiration '99999999999999999999': "
        "{value_too_large,99999999999999999999}");
}

TEST_CASE("user_id must be the user who is logged in") {
  Properties properties;
  properties.user_id = "guest";
  CHECK(problem(properties) == "");
  properties.user_id = "other";
  CHECK(problem(properties) ==
        "PRECONDITION_FAILED - user_id property set to 'other' but authenticated user was 'guest'");
}

TEST_CASE("CC and BCC must be arrays") {
  Properties properties;
  properties.headers = Table{{"CC", Value(1)}};
  CHECK(problem(properties) ==
        "PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,\"CC\",signedint}");
  properties.headers = Table{{"BCC", Value("a")}};
  CHECK(problem(properties) ==
        "PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,\"BCC\",longstr}");
  properties.headers = Table{{"CC", Value(Array{Value("a")})}};
  CHECK(problem(properties) == "");
}

TEST_CASE("BCC is not stored, everything else is") {
  Properties properties;
  properties.headers =
      Table{{"a", Value(1)}, {"BCC", Value(Array{Value("hidden")})}, {"CC", Value(Array{Value("open")})}};
  properties.message_id = "m";
  properties.timestamp = 12345;
  Properties wanted = properties;
  wanted.headers = Table{{"a", Value(1)}, {"CC", Value(Array{Value("open")})}};
  CHECK(rewritten(properties, "") == wanted);
}

TEST_CASE("direct reply-to becomes the name of the reply queue, any other reply-to stays") {
  Properties properties;
  properties.reply_to = std::string(direct_reply_to);
  CHECK(rewritten(properties, "amq.rabbitmq.reply-to.token").reply_to == "amq.rabbitmq.reply-to.token");
  properties.reply_to = "q";
  CHECK(rewritten(properties, "amq.rabbitmq.reply-to.token").reply_to == "q");
}
