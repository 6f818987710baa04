// Messages through the face: published, delivered, fetched, settled, returned, confirmed.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/wire/amqp/amqp_world.h"

using namespace tandem;
using namespace tandem::wire::amqp;
using namespace tandem::wire::amqp::test;

namespace {

using Lines = std::vector<std::string>;

struct MessagesScene {
  World world;
  Client client{world};
  MessagesScene() {
    client.declare_queue("q");
    client.heard();
  }
  Lines heard() { return client.heard(); }
  std::string text() { return client.heard_text(); }
  void ack(DeliveryTag tag, bool multiple = false) { client.call(1, Method::basic_ack, {tag, multiple}); }
  /// Messages ready in `q`.
  std::string ready() {
    client.call(1, Method::queue_declare, {"q", true, false, false, false, false, Bytes{}});
    const std::string line = text();
    const auto from = line.find("message-count=") + 14;
    return line.substr(from, line.find(' ', from) - from);
  }
};

}  // namespace

TEST_CASE_FIXTURE(MessagesScene, "a message is delivered with exchange, key, properties and body as they came") {
  client.declare_exchange("e", "topic");
  client.bind("q", "e", "a.*");
  client.consume("q", "tag");
  heard();
  Properties properties;
  properties.content_type = "text/plain";
  properties.headers = Table{{"n", Value(1)}, {"nested", Value(Table{{"x", Value(Array{Value("y")})}})}};
  properties.delivery_mode = 2;
  properties.timestamp = 1'700'000'000;
  const Buffer sent = publish_frames(1, "e", "a.b", "hello", properties);
  client.feed(sent);
  const Buffer got = client.heard_bytes();
  CHECK(shown_frames(got) ==
        Lines{"1 basic.deliver consumer-tag=tag delivery-tag=1 redelivered=0 exchange=e routing-key=a.b",
              "1 header size=5", "1 body 'hello'"});
  const Buffer tail = header_frame(1, 5, properties);
  CHECK(std::search(got.begin(), got.end(), tail.begin(), tail.end()) != got.end());
}

TEST_CASE_FIXTURE(MessagesScene, "an empty message has no body frame") {
  client.consume("q", "t");
  heard();
  client.publish("", "q", "");
  CHECK(heard() ==
        Lines{"1 basic.deliver consumer-tag=t delivery-tag=1 redelivered=0 exchange= routing-key=q",
              "1 header size=0"});
}

TEST_CASE_FIXTURE(MessagesScene,
                  "bodies come and go in as many frames as they need, between those of other channels") {
  client.open_channel(2);
  client.consume("q", "t");
  heard();
  client.feed(method_frame(1, Method::basic_publish, {"", "q", false, false}));
  client.feed(header_frame(1, 6));
  client.feed(body_frame(1, "ab"));
  client.publish("", "q", "other", {}, false, 2);
  client.feed(body_frame(1, ""));
  client.feed(body_frame(1, "cdef"));
  const auto lines = heard();
  REQUIRE(lines.size() == 6);
  CHECK(lines[2] == "1 body 'other'");
  CHECK(lines[5] == "1 body 'abcdef'");
}

TEST_CASE("a body is split by the frame size of who receives it") {
  World world;
  Client publisher(world), consumer(world, {.frame_max = 4096});
  publisher.declare_queue("q");
  consumer.consume("q", "t");
  consumer.heard();
  publisher.publish("", "q", std::string(10'000, 'x'));
  const auto lines = consumer.heard();
  REQUIRE(lines.size() == 2 + 3);
  CHECK(lines[2].size() == 4088 + std::string("1 body ''").size());
}

TEST_CASE_FIXTURE(MessagesScene, "get gives one message and how many are left, or says that there is none") {
  client.get("q");
  CHECK(text() == "1 basic.get-empty");
  client.publish("", "q", "a");
  client.publish("", "q", "b");
  client.get("q");
  CHECK(heard() ==
        Lines{"1 basic.get-ok delivery-tag=1 redelivered=0 exchange= routing-key=q message-count=1",
              "1 header size=1", "1 body 'a'"});
}

TEST_CASE_FIXTURE(MessagesScene, "rejected and requeued messages come back as redelivered, in their place") {
  client.publish("", "q", "a");
  client.publish("", "q", "b");
  client.get("q");
  heard();
  SUBCASE("reject") {
    client.call(1, Method::basic_reject, {1, true});
  }
  SUBCASE("nack") {
    client.call(1, Method::basic_nack, {1, false, true});
  }
  SUBCASE("recover") {
    client.call(1, Method::basic_recover, {true});
    CHECK(text() == "1 basic.recover-ok");
  }
  client.get("q");
  CHECK(heard().at(0) ==
        "1 basic.get-ok delivery-tag=2 redelivered=1 exchange= routing-key=q message-count=1");
}

TEST_CASE_FIXTURE(MessagesScene, "a rejected message without requeue is gone") {
  client.publish("", "q", "a");
  client.get("q");
  client.call(1, Method::basic_reject, {1, false});
  heard();
  CHECK(ready() == "0");
}

TEST_CASE_FIXTURE(MessagesScene, "prefetch holds back what is not acked, and a row of acks lets it go on") {
  client.call(1, Method::basic_qos, {0, 3, false});
  client.consume("q", "t");
  CHECK(heard() == Lines{"1 basic.qos-ok", "1 basic.consume-ok consumer-tag=t"});
  for (int i = 0; i < 6; ++i) client.publish("", "q", "x");
  CHECK(heard().size() == 9);
  Buffer acks;
  for (DeliveryTag tag = 1; tag <= 3; ++tag) add(acks, method_frame(1, Method::basic_ack, {tag, false}));
  client.feed(acks);
  const auto lines = heard();
  REQUIRE(lines.size() == 9);
  CHECK(lines[0].find("delivery-tag=4") != std::string::npos);
  client.drop();
  Client other(world);
  other.get("q");
  CHECK(other.heard().at(0).find("message-count=2") != std::string::npos);
}

TEST_CASE_FIXTURE(MessagesScene, "a row of acks with an unknown one among them acks those before it") {
  client.call(1, Method::basic_qos, {0, 10, false});
  client.consume("q", "t");
  for (int i = 0; i < 3; ++i) client.publish("", "q", "x");
  ack(2);
  heard();
  Buffer acks;
  for (DeliveryTag tag = 1; tag <= 3; ++tag) add(acks, method_frame(1, Method::basic_ack, {tag, false}));
  client.feed(acks);
  CHECK(text().find("unknown delivery tag 2") != std::string::npos);
  Client other(world);
  other.get("q");
  CHECK(other.heard().at(0).find("message-count=0") != std::string::npos);  // 3 came back, 1 and 2 did not
}

TEST_CASE_FIXTURE(MessagesScene, "prefetch 1 for the whole channel is shared by its consumers") {
  client.call(1, Method::basic_qos, {0, 1, true});
  client.consume("q", "one");
  client.consume("q", "two");
  client.publish("", "q", "a");
  client.publish("", "q", "b");
  std::size_t deliveries = 0;
  for (const auto& line : heard()) deliveries += line.find("basic.deliver") != std::string::npos;
  CHECK(deliveries == 1);
}

TEST_CASE_FIXTURE(MessagesScene, "a consumer without a tag is given one") {
  client.consume("q", "");
  CHECK(text().starts_with("1 basic.consume-ok consumer-tag=amq.ctag-"));
}

TEST_CASE_FIXTURE(MessagesScene, "a queue without a name is given one, and an empty name then means it") {
  client.call(1, Method::queue_declare, {"", false, false, true, false, false, Bytes{}});
  const std::string line = text();
  CHECK(line.starts_with("1 queue.declare-ok queue=amq.gen-"));
  const std::string name = line.substr(25, line.find(' ', 25) - 25);
  client.bind("", "amq.direct", "");
  client.consume("", "t");
  client.publish("amq.direct", name, "x");
  const auto lines = heard();
  REQUIRE(lines.size() == 5);
  CHECK(lines[2].ends_with("routing-key=" + name));
}

TEST_CASE_FIXTURE(MessagesScene, "cancel is answered, also when there is no such consumer, and frees the tag") {
  client.consume("q", "t");
  heard();
  client.call(1, Method::basic_cancel, {"t", false});
  CHECK(text() == "1 basic.cancel-ok consumer-tag=t");
  client.call(1, Method::basic_cancel, {"never", false});
  CHECK(text() == "1 basic.cancel-ok consumer-tag=never");
  client.consume("q", "t");
  CHECK(text() == "1 basic.consume-ok consumer-tag=t");
  client.publish("", "q", "x");
  CHECK(heard().size() == 3);
}

TEST_CASE_FIXTURE(MessagesScene, "consumers of a deleted queue hear of it if they understand it") {
  Client other(world), deaf(world, {.capabilities = false});
  other.consume("q", "t");
  deaf.consume("q", "t");
  other.heard();
  deaf.heard();
  client.call(1, Method::queue_delete, {"q", false, false, false});
  CHECK(text() == "1 queue.delete-ok message-count=0");
  CHECK(other.heard_text() == "1 basic.cancel consumer-tag=t nowait=1");
  CHECK(deaf.heard_text() == "");
  other.declare_queue("q");
  other.consume("q", "t");
  CHECK(other.heard().back() == "1 basic.consume-ok consumer-tag=t");
}

TEST_CASE_FIXTURE(MessagesScene, "nowait requests are done and not answered") {
  client.call(1, Method::queue_declare, {"silent", false, true, false, false, true, Bytes{}});
  client.call(1, Method::queue_bind, {"silent", "amq.fanout", "", true, Bytes{}});
  client.call(1, Method::basic_consume, {"silent", "t", false, true, false, true, Bytes{}});
  client.call(1, Method::confirm_select, {true});
  CHECK(text() == "");
  client.publish("amq.fanout", "", "x");
  const auto lines = heard();
  CHECK(std::ranges::count(lines, "1 basic.ack delivery-tag=1 multiple=0") == 1);
  CHECK(std::ranges::count(lines, "1 body 'x'") == 1);
}

TEST_CASE_FIXTURE(MessagesScene, "a mandatory message that finds no queue is returned before it is confirmed") {
  client.call(1, Method::confirm_select, {false});
  heard();
  client.publish("amq.direct", "nowhere", "back", {}, true);
  CHECK(heard() ==
        Lines{"1 basic.return reply-code=312 reply-text=NO_ROUTE exchange=amq.direct routing-key=nowhere",
              "1 header size=4", "1 body 'back'", "1 basic.ack delivery-tag=1 multiple=0"});
}

TEST_CASE_FIXTURE(MessagesScene, "confirms wait for the disk and come together") {
  client.call(1, Method::confirm_select, {false});
  heard();
  world.persists_at_once = false;
  Properties persistent;
  persistent.delivery_mode = 2;
  for (int i = 0; i < 3; ++i) client.publish("", "q", "x", persistent);
  CHECK(text() == "");
  world.persist();
  CHECK(text() == "1 basic.ack delivery-tag=3 multiple=1");
  client.publish("", "q", "x", persistent);
  world.persist();
  CHECK(text() == "1 basic.ack delivery-tag=4 multiple=0");
}

TEST_CASE_FIXTURE(MessagesScene, "a publish that a full queue refuses is nacked") {
  client.declare_queue("full", {{"x-max-length", Value(1)}, {"x-overflow", Value("reject-publish")}});
  client.call(1, Method::confirm_select, {false});
  client.publish("", "full", "a");
  heard();
  client.publish("", "full", "b");
  CHECK(text() == "1 basic.nack delivery-tag=2 multiple=0 requeue=0");
}

TEST_CASE_FIXTURE(MessagesScene, "confirms of one turn of the loop are said together") {
  client.call(1, Method::confirm_select, {false});
  heard();
  for (int i = 0; i < 5; ++i) client.publish("", "q", "x");
  CHECK(text() == "1 basic.ack delivery-tag=5 multiple=1");
}

TEST_CASE_FIXTURE(MessagesScene, "acks come before the nack of a later publish and before a close") {
  client.declare_queue("full", {{"x-max-length", Value(1)}, {"x-overflow", Value("reject-publish")}});
  client.call(1, Method::confirm_select, {false});
  heard();
  client.publish("", "full", "a");
  client.publish("", "full", "b");
  client.publish("", "q", "c");
  client.publish("none", "", "d");
  const auto lines = heard();
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == "1 basic.ack delivery-tag=1 multiple=0");
  CHECK(lines[1] == "1 basic.nack delivery-tag=2 multiple=0 requeue=0");
  CHECK(lines[2] == "1 basic.ack delivery-tag=3 multiple=0");
  CHECK(lines[3].starts_with("1 channel.close reply-code=404"));
}

TEST_CASE_FIXTURE(MessagesScene, "confirms of an earlier use of a channel are not said to the next") {
  client.call(1, Method::confirm_select, {false});
  world.persists_at_once = false;
  Properties persistent;
  persistent.delivery_mode = 2;
  client.publish("", "q", "x", persistent);
  client.call(1, Method::channel_close, {200, "", 0, 0});
  client.open_channel(1);
  client.call(1, Method::confirm_select, {false});
  heard();
  world.persist();
  CHECK(text() == "");
}

TEST_CASE_FIXTURE(MessagesScene, "answers keep the order of their requests") {
  world.persists_at_once = false;
  client.declare_queue("durable");                   // waits for the disk
  client.call(1, Method::basic_qos, {0, 5, false});  // would not
  client.call(1, Method::queue_declare, {"durable", true, false, false, false, false, Bytes{}});
  CHECK(text() == "");
  world.persist();
  CHECK(heard() == Lines{"1 queue.declare-ok queue=durable message-count=0 consumer-count=0",
                         "1 basic.qos-ok",
                         "1 queue.declare-ok queue=durable message-count=0 consumer-count=0"});
}

TEST_CASE_FIXTURE(MessagesScene, "deliveries come after consume-ok, even when that has to wait") {
  client.publish("", "q", "x");
  world.persists_at_once = false;
  client.declare_queue("durable");
  client.consume("q", "t");
  CHECK(text() == "");
  world.persist();
  const auto lines = heard();
  REQUIRE(lines.size() == 5);
  CHECK(lines[1] == "1 basic.consume-ok consumer-tag=t");
  CHECK(lines[2].starts_with("1 basic.deliver"));
}

TEST_CASE_FIXTURE(MessagesScene, "what a dropped connection held is delivered again") {
  client.publish("", "q", "x");
  client.get("q");
  client.drop();
  Client other(world);
  other.get("q");
  CHECK(other.heard().at(0).find("redelivered=1") != std::string::npos);
}

TEST_CASE_FIXTURE(MessagesScene, "exclusive queues are gone when close-ok is heard") {
  client.call(1, Method::queue_declare, {"mine", false, false, true, false, false, Bytes{}});
  client.call(0, Method::connection_close, {200, "", 0, 0});
  Client other(world);
  other.call(1, Method::queue_declare, {"mine", false, false, true, false, false, Bytes{}});
  CHECK(other.heard_text() == "1 queue.declare-ok queue=mine message-count=0 consumer-count=0");
}

TEST_CASE_FIXTURE(MessagesScene, "a message that cannot be read is reported, not served") {
  client.publish("", "q", "x");
  world.bodies_are_readable = false;
  client.get("q");
  CHECK(text().find("reply-code=541 reply-text=INTERNAL_ERROR - a stored message cannot be read") !=
        std::string::npos);
}

TEST_CASE_FIXTURE(MessagesScene, "CC and BCC reach further queues, and BCC is not shown") {
  client.declare_queue("cc");
  client.declare_queue("bcc");
  Properties properties;
  properties.headers = Table{{"CC", Value(Array{Value("cc")})}, {"BCC", Value(Array{Value("bcc")})}};
  client.publish("", "q", "x", properties);
  heard();
  Properties shown;
  shown.headers = Table{{"CC", Value(Array{Value("cc")})}};
  const Buffer header = header_frame(1, 1, shown);
  for (const std::string_view queue : {"q", "cc", "bcc"}) {
    CAPTURE(queue);
    client.get(queue);
    const Buffer got = client.heard_bytes();
    CHECK(std::search(got.begin(), got.end(), header.begin(), header.end()) != got.end());
  }
}

TEST_CASE_FIXTURE(MessagesScene, "what is no text in CC and BCC is passed over") {
  client.declare_queue("cc");
  Properties properties;
  properties.headers = Table{{"CC", Value(Array{Value("cc"), Value(5)})}, {"BCC", Value(Array{Value(5)})}};
  client.publish("", "q", "x", properties);
  heard();
  for (const std::string_view queue : {"q", "cc"}) {
    CAPTURE(queue);
    client.get(queue);
    CHECK(text().find("1 basic.get-ok") == 0);
  }
}

TEST_CASE_FIXTURE(MessagesScene, "flow and access requests are answered as ever") {
  client.call(1, Method::channel_flow, {true});
  CHECK(text() == "1 channel.flow-ok active=1");
  client.call(1, Method::access_request, {"/data", false, false, true, true, true});
  CHECK(text() == "1 access.request-ok ticket=1");
}

TEST_CASE_FIXTURE(MessagesScene, "exchanges are bound to each other and unbound") {
  client.declare_exchange("from", "fanout");
  client.declare_exchange("to", "direct");
  client.bind("q", "to", "k");
  client.call(1, Method::exchange_bind, {"to", "from", "k", false, Bytes{}});
  heard();
  client.publish("from", "k", "x");
  CHECK(ready() == "1");
  client.call(1, Method::exchange_unbind, {"to", "from", "k", false, Bytes{}});
  CHECK(text() == "1 exchange.unbind-ok");
  client.publish("from", "k", "x");
  CHECK(ready() == "1");
}

TEST_CASE_FIXTURE(MessagesScene, "purge and delete say how many messages went") {
  client.publish("", "q", "a");
  client.publish("", "q", "b");
  client.call(1, Method::queue_purge, {"q", false});
  CHECK(text() == "1 queue.purge-ok message-count=2");
  client.publish("", "q", "c");
  client.call(1, Method::queue_delete, {"q", false, false, false});
  CHECK(text() == "1 queue.delete-ok message-count=1");
}

// --- messages in a row: several in one piece of input ------------------------------------------------------------------

namespace {

/// What is in `q`, in order: body and priority.
std::string drained(MessagesScene& scene) {
  std::string all;
  scene.heard();
  for (;;) {
    scene.client.get("q", true);
    const Lines lines = scene.heard();
    if (lines.size() < 2) return all;
    all += (lines.size() == 3 ? lines[2].substr(lines[2].find('\'')) : "''") + " ";
  }
}

}  // namespace

TEST_CASE_FIXTURE(MessagesScene, "messages in a row are stored in their order, whatever is mixed in between them") {
  Properties copies;
  copies.headers = Table{{"CC", Value(Array{Value("elsewhere")})}};
  Buffer all;
  add(all, publish_frames(1, "", "q", "1", {}));
  add(all, publish_frames(1, "", "q", "", {}));
  add(all, publish_frames(1, "", "q", "3", copies));                // taken frame by frame
  add(all, publish_frames(1, "", "q", "4", {}));
  add(all, publish_frames(1, "", "q", "5", {}));
  Buffer split = publish_frames(1, "", "q", "67", {});
  split.resize(split.size() - 2 - frame_overhead_bytes);            // its body comes in two frames
  add(all, split);
  add(all, raw_frame(3, 1, bytes_of("6")));
  add(all, raw_frame(3, 1, bytes_of("7")));
  for (int i = 0; i < 200; ++i) add(all, publish_frames(1, "", "q", "r", {}));  // more than one row
  add(all, publish_frames(1, "", "q", "last", {}));
  client.feed(all);
  std::string expected = "'1' '' '3' '4' '5' '67' ";
  for (int i = 0; i < 200; ++i) expected += "'r' ";
  CHECK(drained(*this) == expected + "'last' ");
}

TEST_CASE_FIXTURE(MessagesScene, "each message of a row is confirmed, and returned when nobody takes it") {
  client.call(1, Method::confirm_select, {false});
  heard();
  Buffer all;
  add(all, publish_frames(1, "", "q", "a", {}, true));
  add(all, publish_frames(1, "", "nowhere", "b", {}, true));
  add(all, publish_frames(1, "", "q", "c", {}, true));
  client.feed(all);
  const Lines lines = heard();
  REQUIRE(lines.size() >= 4);
  CHECK(std::count_if(lines.begin(), lines.end(), [](const auto& l) { return l.find("basic.return") != l.npos; }) == 1);
  CHECK(lines.back() == "1 basic.ack delivery-tag=3 multiple=1");
  CHECK(ready() == "2");
}

TEST_CASE_FIXTURE(MessagesScene, "what stands behind a refused message in the same input is not published") {
  Buffer all;
  add(all, publish_frames(1, "", "q", "before", {}));
  add(all, publish_frames(1, "no-such-exchange", "q", "refused", {}));
  add(all, publish_frames(1, "", "q", "behind", {}));
  client.feed(all);
  CHECK(text().find("404") != std::string::npos);
  client.call(1, Method::channel_close_ok, {});
  client.open_channel(1);
  CHECK(drained(*this) == "'before' ");
}

TEST_CASE_FIXTURE(MessagesScene, "a message in a row that is at fault ends the channel with its own fault") {
  Properties bad;
  bad.expiration = "soon";
  Buffer all;
  add(all, publish_frames(1, "", "q", "a", {}));
  add(all, publish_frames(1, "", "q", "b", {}));
  add(all, publish_frames(1, "", "q", "c", bad));
  add(all, publish_frames(1, "", "q", "d", {}));
  client.feed(all);
  CHECK(text().find("invalid expiration 'soon'") != std::string::npos);
  client.call(1, Method::channel_close_ok, {});
  client.open_channel(1);
  CHECK(drained(*this) == "'a' 'b' ");
}

TEST_CASE_FIXTURE(MessagesScene, "in a transaction messages in a row wait for its commit") {
  client.call(1, Method::tx_select, {});
  Buffer all;
  for (int i = 0; i < 3; ++i) add(all, publish_frames(1, "", "q", "t", {}));
  client.feed(all);
  heard();
  CHECK(ready() == "0");
  client.call(1, Method::tx_commit, {});
  heard();
  CHECK(ready() == "3");
}

namespace {

/// As clients send it: no frame is larger than was agreed.
Buffer large_publish(std::uint16_t channel, std::string_view key, char letter) {
  constexpr std::size_t in_a_frame = 131'072 - 8;
  const std::string body(limits::large_message_min_bytes + 1'000, letter);
  Buffer out = method_frame(channel, Method::basic_publish, {"", key, false, false});
  add(out, header_frame(channel, body.size()));
  for (std::size_t at = 0; at < body.size(); at += in_a_frame) add(out, body_frame(channel, std::string_view(body).substr(at, in_a_frame)));
  return out;
}

}  // namespace

TEST_CASE_FIXTURE(MessagesScene, "a large message is staged alone, and nothing of its connection is read until it is") {
  client.call(1, Method::confirm_select, {false});
  heard();
  world.large.wait = true;
  Buffer sent = large_publish(1, "q", 'a');
  add(sent, publish_frames(1, "", "q", "behind"));
  client.feed(sent);
  CHECK_FALSE(client.face().reading());
  CHECK(world.large.given == 1);
  CHECK(heard().empty());
  for (int i = 0; i < 20; ++i) {
    world.now_ms += 100'000;
    world.tick();
  }
  CHECK_FALSE(client.face().closing());
  world.large.stage_first(world);
  CHECK(client.face().reading());
  CHECK(text() == "1 basic.ack delivery-tag=1 multiple=0");
  client.feed({});
  CHECK(text() == "1 basic.ack delivery-tag=2 multiple=0");
  client.get("q", true);
  const Lines got = heard();
  CHECK(got.at(1) == "1 header size=" + std::to_string(limits::large_message_min_bytes + 1'000));
  client.get("q", true);
  CHECK(heard().back() == "1 body 'behind'");
}

TEST_CASE_FIXTURE(MessagesScene, "a large message of a channel that was closed meanwhile, or of a connection that ended, is not published") {
  world.large.wait = true;
  SUBCASE("channel") {
    client.open_channel(2);
    heard();
    world.persists_at_once = false;
    client.declare_queue("w", {}, 2);  // answered once it is on disk, and what is refused behind it not before
    client.publish("nowhere", "", "x", {}, false, 2);  // closes the channel then
    client.feed(large_publish(2, "q", 'a'));
    world.persist();
    world.persists_at_once = true;
  }
  SUBCASE("connection") {
    client.feed(large_publish(1, "q", 'a'));
    client.face().shut_down("the broker stops");
  }
  REQUIRE(world.large.waiting.size() == 1);
  world.large.stage_first(world);
  Client other(world);
  other.call(1, Method::queue_declare, {"q", true, false, false, false, false, Bytes{}});
  CHECK(other.heard_text() == "1 queue.declare-ok queue=q message-count=0 consumer-count=0");
}

TEST_CASE_FIXTURE(MessagesScene, "large messages of a transaction are staged with it") {
  client.call(1, Method::tx_select, {});
  world.large.wait = true;
  client.feed(large_publish(1, "q", 'a'));
  CHECK(client.face().reading());
  client.call(1, Method::tx_commit, {});
  heard();
  CHECK(world.large.given == 0);
  CHECK(ready() == "1");
}
