// Every error that RabbitMQ was seen to answer to real clients, with its code, its text and the method it
// names.
#include <doctest/doctest.h>

#include "tests/wire/amqp/amqp_world.h"

using namespace tandem;
using namespace tandem::wire::amqp;
using namespace tandem::wire::amqp::test;

namespace {

std::string channel_close(int code, std::string_view text, int class_id, int method_id) {
  return "1 channel.close reply-code=" + std::to_string(code) + " reply-text=" + std::string(text) +
         " class-id=" + std::to_string(class_id) + " method-id=" + std::to_string(method_id);
}
std::string connection_close(int code, std::string_view text, int class_id, int method_id) {
  return "0 connection.close reply-code=" + std::to_string(code) + " reply-text=" + std::string(text) +
         " class-id=" + std::to_string(class_id) + " method-id=" + std::to_string(method_id);
}

/// A connection whose requests so far were granted.
struct ChannelFaultsScene {
  World world;
  Client client{world};

  /// What the last request made the client hear.
  std::string heard() { return client.heard_text(); }
  void forget() { client.heard(); }
  void queue(std::string_view name, bool durable, bool exclusive, bool auto_delete,
             const Table& arguments = {}, bool passive = false) {
    client.call(1, Method::queue_declare,
                {name, passive, durable, exclusive, auto_delete, false, Bytes(encoded_table(arguments))});
  }
  void exchange(std::string_view name, std::string_view type, bool passive = false, bool durable = true,
                bool auto_delete = false, bool internal = false, const Table& arguments = {}) {
    client.call(
        1, Method::exchange_declare,
        {name, type, passive, durable, auto_delete, internal, false, Bytes(encoded_table(arguments))});
  }
};

constexpr std::string_view locked =
    "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' in vhost '/'. It could be "
    "originally "
    "declared on another connection or the exclusive property value does not match that of the original "
    "declaration.";

}  // namespace

TEST_CASE_FIXTURE(ChannelFaultsScene, "403: publishing to an internal exchange") {
  exchange("inside", "direct", false, true, false, true);
  forget();
  client.publish("inside", "k", "x");
  CHECK(heard() == channel_close(403,
                                 "ACCESS_REFUSED - cannot publish to internal exchange 'inside' in vhost '/'",
                                 60, 40));
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "403: the default exchange cannot be declared, deleted, bound or unbound") {
  const std::string text = "ACCESS_REFUSED - operation not permitted on the default exchange";
  SUBCASE("declare") {
    exchange("", "direct");
    CHECK(heard() == channel_close(403, text, 40, 10));
  }
  SUBCASE("delete") {
    client.call(1, Method::exchange_delete, {"", false, false});
    CHECK(heard() == channel_close(403, text, 40, 20));
  }
  SUBCASE("bind") {
    client.declare_queue("q");
    forget();
    client.bind("q", "", "k");
    CHECK(heard() == channel_close(403, text, 50, 20));
  }
  SUBCASE("unbind") {
    client.declare_queue("q");
    forget();
    client.call(1, Method::queue_unbind, {"q", "", "k", Bytes{}});
    CHECK(heard() == channel_close(403, text, 50, 50));
  }
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "403: names beginning with amq. are the broker's") {
  SUBCASE("queue") {
    client.declare_queue("amq.mine");
    CHECK(heard() == channel_close(403,
                                   "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'",
                                   50, 10));
  }
  SUBCASE("exchange") {
    exchange("amq.mine", "direct");
    CHECK(heard() ==
          channel_close(403, "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'", 40,
                        10));
  }
  SUBCASE("delete of a predeclared exchange") {
    client.call(1, Method::exchange_delete, {"amq.direct", false, false});
    CHECK(heard() ==
          channel_close(403, "ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed",
                        40, 20));
  }
  SUBCASE("redeclaring a predeclared exchange is fine") {
    exchange("amq.direct", "direct");
    CHECK(heard() == "1 exchange.declare-ok");
  }
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "403: a queue in exclusive use") {
  client.declare_queue("q");
  client.call(1, Method::basic_consume, {"q", "first", false, false, true, false, Bytes{}});
  forget();
  client.consume("q", "second");
  CHECK(heard() == channel_close(403, "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use", 60, 20));
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "404: no queue") {
  const std::string text = "NOT_FOUND - no queue 'none' in vhost '/'";
  SUBCASE("consume") {
    client.consume("none", "t");
    CHECK(heard() == channel_close(404, text, 60, 20));
  }
  SUBCASE("get") {
    client.get("none");
    CHECK(heard() == channel_close(404, text, 60, 70));
  }
  SUBCASE("passive declare") {
    queue("none", true, false, false, {}, true);
    CHECK(heard() == channel_close(404, text, 50, 10));
  }
  SUBCASE("purge") {
    client.call(1, Method::queue_purge, {"none", false});
    CHECK(heard() == channel_close(404, text, 50, 30));
  }
  SUBCASE("bind") {
    client.bind("none", "amq.direct", "k");
    CHECK(heard() == channel_close(404, text, 50, 20));
  }
  SUBCASE("delete is fine") {
    client.call(1, Method::queue_delete, {"none", false, false, false});
    CHECK(heard() == "1 queue.delete-ok message-count=0");
  }
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "404: no exchange") {
  const std::string text = "NOT_FOUND - no exchange 'none' in vhost '/'";
  SUBCASE("publish") {
    client.publish("none", "k", "x");
    CHECK(heard() == channel_close(404, text, 60, 40));
  }
  SUBCASE("passive declare") {
    exchange("none", "direct", true);
    CHECK(heard() == channel_close(404, text, 40, 10));
  }
  SUBCASE("bind") {
    client.declare_queue("q");
    forget();
    client.bind("q", "none", "k");
    CHECK(heard() == channel_close(404, text, 50, 20));
  }
  SUBCASE("delete is fine") {
    client.call(1, Method::exchange_delete, {"none", false, false});
    CHECK(heard() == "1 exchange.delete-ok");
  }
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "404: an empty queue name before any was declared") {
  SUBCASE("consume") {
    client.consume("", "t");
    CHECK(heard() == channel_close(404, "NOT_FOUND - no previously declared queue", 60, 20));
  }
  SUBCASE("get") {
    client.get("");
    CHECK(heard() == channel_close(404, "NOT_FOUND - no previously declared queue", 60, 70));
  }
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "404: no name is no queue's, whatever was declared before") {
  client.declare_queue("q");
  forget();
  queue("", true, false, false, {}, true);
  CHECK(heard() == channel_close(404, "NOT_FOUND - no queue '' in vhost '/'", 50, 10));
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "405: an exclusive queue of another connection is locked, whatever is asked of it") {
  Client owner(world);
  owner.call(1, Method::queue_declare, {"mine", false, false, true, false, false, Bytes{}});
  SUBCASE("declare") {
    queue("mine", false, true, false);
    CHECK(heard() == channel_close(405, locked, 50, 10));
  }
  SUBCASE("passive declare") {
    queue("mine", false, true, false, {}, true);
    CHECK(heard() == channel_close(405, locked, 50, 10));
  }
  SUBCASE("consume") {
    client.consume("mine", "t");
    CHECK(heard() == channel_close(405, locked, 60, 20));
  }
  SUBCASE("get") {
    client.get("mine");
    CHECK(heard() == channel_close(405, locked, 60, 70));
  }
  SUBCASE("bind") {
    client.bind("mine", "amq.direct", "k");
    CHECK(heard() == channel_close(405, locked, 50, 20));
  }
  SUBCASE("unbind") {
    client.call(1, Method::queue_unbind, {"mine", "amq.direct", "k", Bytes{}});
    CHECK(heard() == channel_close(405, locked, 50, 50));
  }
  SUBCASE("purge") {
    client.call(1, Method::queue_purge, {"mine", false});
    CHECK(heard() == channel_close(405, locked, 50, 30));
  }
  SUBCASE("delete") {
    client.call(1, Method::queue_delete, {"mine", false, false, false});
    CHECK(heard() == channel_close(405, locked, 50, 40));
  }
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "406: unknown delivery tags") {
  const std::string text = "PRECONDITION_FAILED - unknown delivery tag 7";
  SUBCASE("ack") {
    client.call(1, Method::basic_ack, {7, false});
    CHECK(heard() == channel_close(406, text, 60, 80));
  }
  SUBCASE("nack") {
    client.call(1, Method::basic_nack, {7, false, true});
    CHECK(heard() == channel_close(406, text, 60, 120));
  }
  SUBCASE("reject") {
    client.call(1, Method::basic_reject, {7, true});
    CHECK(heard() == channel_close(406, text, 60, 90));
  }
  SUBCASE("tag 0 without multiple") {
    client.call(1, Method::basic_ack, {0, false});
    CHECK(heard() == channel_close(406, "PRECONDITION_FAILED - unknown delivery tag 0", 60, 80));
  }
  SUBCASE("multiple up to a tag that was never given") {
    client.call(1, Method::basic_ack, {7, true});
    CHECK(heard() == channel_close(406, text, 60, 80));
  }
  SUBCASE("all of none is fine") {
    client.call(1, Method::basic_ack, {0, true});
    CHECK(heard() == "");
  }
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "406: a delivery is acked once") {
  client.declare_queue("q");
  client.publish("", "q", "x");
  client.get("q");
  client.call(1, Method::basic_ack, {1, false});
  forget();
  client.call(1, Method::basic_ack, {1, false});
  CHECK(heard() == channel_close(406, "PRECONDITION_FAILED - unknown delivery tag 1", 60, 80));
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "406: redeclaring with other properties") {
  queue("q", true, false, false);
  exchange("e", "direct");
  forget();
  SUBCASE("durable queue") {
    queue("q", false, false, false);
    CHECK(heard() ==
          channel_close(406,
                        "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': "
                        "received 'false' but current is 'true'",
                        50, 10));
  }
  SUBCASE("auto-delete queue") {
    queue("q", true, false, true);
    CHECK(heard() ==
          channel_close(406,
                        "PRECONDITION_FAILED - inequivalent arg 'auto_delete' for queue 'q' in vhost '/': "
                        "received 'true' but current is 'false'",
                        50, 10));
  }
  SUBCASE("an argument that was not there") {
    queue("q", true, false, false, {{"x-expires", Value(5000)}});
    CHECK(heard() ==
          channel_close(
              406,
              "PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue 'q' in vhost '/': received the "
              "value '5000' of type 'signedint' but current is none",
              50, 10));
  }
  SUBCASE("exchange kind") {
    exchange("e", "topic");
    CHECK(heard() ==
          channel_close(406,
                        "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'e' in vhost '/': "
                        "received 'topic' but current is 'direct'",
                        40, 10));
  }
  SUBCASE("durable exchange") {
    exchange("e", "direct", false, false);
    CHECK(heard() ==
          channel_close(406,
                        "PRECONDITION_FAILED - inequivalent arg 'durable' for exchange 'e' in vhost '/': "
                        "received 'false' but current is 'true'",
                        40, 10));
  }
  SUBCASE("auto-delete exchange") {
    exchange("e", "direct", false, true, true);
    CHECK(heard() ==
          channel_close(406,
                        "PRECONDITION_FAILED - inequivalent arg 'auto_delete' for exchange 'e' in vhost "
                        "'/': received 'true' but current is 'false'",
                        40, 10));
  }
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "406: an argument with another value is shown without its type") {
  queue("q", true, false, false, {{"x-message-ttl", Value(1000)}});
  forget();
  queue("q", true, false, false, {{"x-message-ttl", Value(2000)}});
  CHECK(heard() ==
        channel_close(406,
                      "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': "
                      "received '2000' but current is '1000'",
                      50, 10));
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "406: arguments that make no sense") {
  const std::string beginning =
      "1 channel.close reply-code=406 reply-text=PRECONDITION_FAILED - invalid arg ";
  for (const auto& [key, value] : Table{{"x-message-ttl", Value("soon")},
                                        {"x-message-ttl", Value(-1)},
                                        {"x-expires", Value(0)},
                                        {"x-expires", Value(-1)},
                                        {"x-max-length", Value(-1)},
                                        {"x-max-priority", Value(256)},
                                        {"x-overflow", Value("explode")},
                                        {"x-dead-letter-exchange", Value(1)},
                                        {"x-dead-letter-routing-key", Value("k")},
                                        {"x-queue-type", Value("magic")}}) {
    CAPTURE(key);
    queue("q", true, false, false, {{key, value}});
    const std::string text = heard();
    CHECK(text.starts_with(beginning + "'" + key + "' for queue 'q' in vhost '/': "));
    CHECK(text.ends_with(" class-id=50 method-id=10"));
    client.call(1, Method::channel_close_ok, {});
    client.open_channel(1);
    forget();
  }
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "406: a queue's times are ten years at most") {
  for (const std::string key : {"x-message-ttl", "x-expires"}) {
    CAPTURE(key);
    queue("q-" + key, true, false, false, {{key, Value(std::int64_t{315'360'000'000})}});
    CHECK(heard().starts_with("1 queue.declare-ok"));
    queue("q", true, false, false, {{key, Value(std::int64_t{315'360'000'001})}});
    CHECK(heard() == channel_close(406,
                                   "PRECONDITION_FAILED - invalid arg '" + key +
                                       "' for queue 'q' in vhost '/': {value_too_large,315360000001}",
                                   50, 10));
    client.call(1, Method::channel_close_ok, {});
    client.open_channel(1);
    forget();
  }
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "406: a consumer priority that is no number") {
  client.declare_queue("q");
  forget();
  client.call(1, Method::basic_consume,
              {"q", "t", false, false, false, false, Bytes(encoded_table({{"x-priority", Value("high")}}))});
  CHECK(heard() == channel_close(406,
                                 "PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'q' in vhost '/': "
                                 "\"expected integer, got longstr\"",
                                 60, 20));
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "406: what a headers binding matches must be said right") {
  client.declare_queue("q");
  forget();
  SUBCASE("type") {
    client.bind("q", "amq.headers", "", {{"x-match", Value(7)}});
    CHECK(heard() ==
          channel_close(406,
                        "PRECONDITION_FAILED - Invalid x-match field type signedint (value 7); expected "
                        "longstr",
                        50, 20));
  }
  SUBCASE("value") {
    client.bind("q", "amq.headers", "", {{"x-match", Value("some")}});
    CHECK(heard() ==
          channel_close(406,
                        "PRECONDITION_FAILED - Invalid x-match field value <<\"some\">>; expected all, "
                        "any, all-with-x, or any-with-x",
                        50, 20));
  }
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "406: deleting what is in use or not empty") {
  SUBCASE("exchange") {
    exchange("e", "direct");
    client.declare_queue("q");
    client.bind("q", "e", "k");
    forget();
    client.call(1, Method::exchange_delete, {"e", true, false});
    CHECK(heard() == channel_close(406, "PRECONDITION_FAILED - exchange 'e' in vhost '/' in use", 40, 20));
  }
  SUBCASE("queue with a consumer") {
    client.declare_queue("q");
    client.consume("q", "t");
    forget();
    client.call(1, Method::queue_delete, {"q", true, false, false});
    CHECK(heard() == channel_close(406, "PRECONDITION_FAILED - queue 'q' in vhost '/' in use", 50, 40));
  }
  SUBCASE("queue with a message") {
    client.declare_queue("q");
    client.publish("", "q", "x");
    forget();
    client.call(1, Method::queue_delete, {"q", false, true, false});
    CHECK(heard() == channel_close(406, "PRECONDITION_FAILED - queue 'q' in vhost '/' not empty", 50, 40));
  }
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "406: confirms and transactions exclude each other") {
  SUBCASE("tx after confirm") {
    client.call(1, Method::confirm_select, {false});
    forget();
    client.call(1, Method::tx_select, {});
    CHECK(heard() ==
          channel_close(406, "PRECONDITION_FAILED - cannot switch from confirm to tx mode", 90, 10));
  }
  SUBCASE("confirm after tx") {
    client.call(1, Method::tx_select, {});
    forget();
    client.call(1, Method::confirm_select, {false});
    CHECK(heard() ==
          channel_close(406, "PRECONDITION_FAILED - cannot switch from tx to confirm mode", 85, 10));
  }
  SUBCASE("commit without tx") {
    client.call(1, Method::tx_commit, {});
    CHECK(heard() == channel_close(406, "PRECONDITION_FAILED - channel is not transactional", 90, 20));
  }
  SUBCASE("rollback without tx") {
    client.call(1, Method::tx_rollback, {});
    CHECK(heard() == channel_close(406, "PRECONDITION_FAILED - channel is not transactional", 90, 30));
  }
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "503: an unknown exchange type closes the connection") {
  exchange("e", "magic");
  CHECK(heard() == connection_close(503, "COMMAND_INVALID - unknown exchange type 'magic'", 40, 10));
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "530: a consumer tag is used once at a time") {
  client.declare_queue("q");
  client.consume("q", "t");
  forget();
  client.consume("q", "t");
  CHECK(heard() == connection_close(530, "NOT_ALLOWED - attempt to reuse consumer tag 't'", 60, 20));
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "540: what nobody implements") {
  SUBCASE("immediate") {
    client.call(1, Method::basic_publish, {"", "q", false, true});
    CHECK(heard() == connection_close(540, "NOT_IMPLEMENTED - immediate=true", 60, 40));
  }
  SUBCASE("prefetch in bytes") {
    client.call(1, Method::basic_qos, {9, 1, false});
    CHECK(heard() == connection_close(540, "NOT_IMPLEMENTED - prefetch_size!=0 (9)", 60, 10));
  }
  SUBCASE("recover without requeue") {
    client.call(1, Method::basic_recover, {false});
    CHECK(heard() == connection_close(540, "NOT_IMPLEMENTED - requeue=false", 60, 110));
  }
  SUBCASE("flow off") {
    client.call(1, Method::channel_flow, {false});
    CHECK(heard() == connection_close(540, "NOT_IMPLEMENTED - active=false", 20, 20));
  }
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "after a channel error the channel is deaf until close-ok, and then free again") {
  client.consume("none", "t");
  forget();
  client.declare_queue("q");
  CHECK(heard() == "");
  client.call(1, Method::channel_close, {200, "", 0, 0});  // crossed ours
  CHECK(heard() == "1 channel.close-ok");
  client.call(1, Method::channel_close_ok, {});
  client.open_channel(1);
  CHECK(heard() == "1 channel.open-ok");
}

TEST_CASE_FIXTURE(ChannelFaultsScene, "a channel error leaves other channels alone") {
  client.open_channel(2);
  client.consume("none", "t");
  forget();
  client.declare_queue("q", {}, 2);
  CHECK(heard() == "2 queue.declare-ok queue=q message-count=0 consumer-count=0");
}
