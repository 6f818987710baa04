#include <doctest/doctest.h>

#include "tests/wire/amqp/amqp_world.h"

using namespace tandem;
using namespace tandem::wire::amqp;
using namespace tandem::wire::amqp::test;

namespace {

constexpr std::string_view pseudo_queue = "amq.rabbitmq.reply-to";

struct DirectReplyScene {
  World world;
  Client requester{world}, responder{world};
  DirectReplyScene() {
    responder.declare_queue("requests");
    responder.consume("requests", "r", true);
    responder.heard();
  }
  /// The reply-to that the responder saw in the next message.
  std::string reply_to() {
    const Buffer bytes = responder.heard_bytes();
    Frame method, header;
    std::size_t wanted = 0;
    REQUIRE(judge_frame(bytes, 1 << 20, method, wanted) == FrameJudgement::whole);
    REQUIRE(judge_frame(Bytes(bytes).subspan(method.size_bytes()), 1 << 20, header, wanted) ==
            FrameJudgement::whole);
    const auto properties = decode_properties(header.payload.subspan(12));
    REQUIRE(properties.has_value());
    return properties->reply_to.value_or("");
  }
  void request() {
    Properties properties;
    properties.reply_to = std::string(pseudo_queue);
    requester.publish("", "requests", "?", properties);
  }
};

}  // namespace

TEST_CASE_FIXTURE(DirectReplyScene, "an answer finds its way without a queue that anyone declared") {
  requester.consume(pseudo_queue, "replies", true);
  CHECK(requester.heard_text() == "1 basic.consume-ok consumer-tag=replies");
  request();
  const std::string address = reply_to();
  CHECK(address.starts_with("amq.rabbitmq.reply-to.1."));
  CHECK(address.ends_with("=="));
  responder.publish("", address, "!");
  CHECK(
      requester.heard() ==
      std::vector<std::string>{"1 basic.deliver consumer-tag=replies delivery-tag=1 redelivered=0 exchange= "
                               "routing-key=" +
                                   address,
                               "1 header size=1", "1 body '!'"});
}

TEST_CASE_FIXTURE(DirectReplyScene, "the responder can ask whether the requester still listens") {
  requester.consume(pseudo_queue, "replies", true);
  request();
  const std::string address = reply_to();
  responder.declare_queue(address);
  CHECK(responder.heard_text() ==
        "1 queue.declare-ok queue=" + address + " message-count=0 consumer-count=1");
  requester.call(1, Method::basic_cancel, {"replies", false});
  responder.declare_queue(address);
  CHECK(responder.heard_text().find("404") != std::string::npos);
}

TEST_CASE_FIXTURE(DirectReplyScene, "the address ends with its channel") {
  requester.consume(pseudo_queue, "replies", true);
  request();
  const std::string address = reply_to();
  requester.drop();
  responder.publish("", address, "!", {}, true);
  CHECK(responder.heard().at(0).starts_with("1 basic.return reply-code=312"));
}

TEST_CASE_FIXTURE(DirectReplyScene, "misuse is refused in RabbitMQ's words") {
  const auto refused = [&](std::string_view text) {
    return requester.heard_text().find("reply-code=406 reply-text=PRECONDITION_FAILED - " +
                                       std::string(text)) != std::string::npos;
  };
  SUBCASE("with acks") {
    requester.consume(pseudo_queue, "replies", false);
    CHECK(refused("reply consumer cannot acknowledge"));
  }
  SUBCASE("twice") {
    requester.consume(pseudo_queue, "one", true);
    requester.heard();
    requester.consume(pseudo_queue, "two", true);
    CHECK(refused("reply consumer already set"));
  }
  SUBCASE("a request without a consumer") {
    request();
    CHECK(refused("fast reply consumer does not exist"));
  }
}

TEST_CASE_FIXTURE(DirectReplyScene, "the pseudo-queue can be declared, but nobody else's replies can be read") {
  requester.declare_queue(pseudo_queue);
  CHECK(requester.heard_text() ==
        "1 queue.declare-ok queue=amq.rabbitmq.reply-to message-count=0 consumer-count=1");
  requester.consume(pseudo_queue, "replies", true);
  request();
  const std::string address = reply_to();
  SUBCASE("consume") {
    responder.consume(address, "thief", true);
  }
  SUBCASE("get") {
    responder.get(address, true);
  }
  SUBCASE("purge") {
    responder.call(1, Method::queue_purge, {address, false});
  }
  CHECK(responder.heard_text().find("reply-code=404") != std::string::npos);
}
