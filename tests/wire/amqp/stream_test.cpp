// Consumers of streams: topics, to an AMQP client queues.
#include <doctest/doctest.h>

#include "tests/wire/amqp/amqp_world.h"

using namespace tandem;
using namespace tandem::wire::amqp;
using namespace tandem::wire::amqp::test;

namespace {

struct StreamWorld {
  World world;
  Client client{world};
  StreamWorld() {
    client.declare_queue("s", {{"x-queue-type", "stream"}});
    qos(3);
    client.heard();
  }
  void qos(std::uint16_t count) { client.call(1, Method::basic_qos, {0, count, false}); }
  void fill(int count, const std::string& prefix = "m") {
    for (int i = 0; i < count; ++i) client.publish("", "s", prefix + std::to_string(i));
  }
  void consume(Value offset, bool no_ack = false, std::string_view tag = "t") {
    const Table arguments{{"x-stream-offset", std::move(offset)}};
    client.call(1, Method::basic_consume, {"s", tag, false, no_ack, false, false, Bytes(encoded_table(arguments))});
  }
  void ack(std::uint64_t tag, bool multiple = false) { client.call(1, Method::basic_ack, {tag, multiple}); }
  /// What was heard, of one kind of method.
  int count_heard(std::string_view method) {
    int count = 0;
    for (const std::string& line : client.heard()) count += line.find(method) != std::string::npos;
    return count;
  }
};

/// Whether a content header says that it is the record at this offset (below 256).
bool tells_offset(Bytes heard, char offset) {
  std::string field = "x-stream-offset";
  field.insert(field.begin(), static_cast<char>(field.size()));
  field += 'l' + std::string(7, '\0') + offset;
  return text_of(heard).find(field) != std::string_view::npos;
}

TEST_CASE("records are delivered as far as there is credit, and every ack gives more") {
  StreamWorld w;
  w.fill(10);
  w.client.heard();
  w.consume("first");
  CHECK(w.count_heard("basic.deliver") == 3);
  w.ack(1);
  CHECK(w.count_heard("basic.deliver") == 1);
  w.ack(4, true);
  CHECK(w.count_heard("basic.deliver") == 3);
  w.ack(0, true);
  w.ack(0, true);
  CHECK(w.count_heard("basic.deliver") == 3);  // the last three of ten
}

TEST_CASE("a delivery tells its offset") {
  StreamWorld w;
  w.fill(5);
  w.client.heard();
  w.consume(Value(std::int64_t{3}));
  const Buffer heard = w.client.heard_bytes();
  CHECK(tells_offset(heard, 3));
  CHECK(tells_offset(heard, 4));
  CHECK_FALSE(tells_offset(heard, 2));
}

TEST_CASE("a consumer of what comes next waits for it") {
  StreamWorld w;
  w.fill(5);
  w.client.heard();
  w.consume("next");
  CHECK(w.count_heard("basic.consume-ok") == 1);
  w.fill(1, "new");
  CHECK(tells_offset(w.client.heard_bytes(), 5));
}

TEST_CASE("without a prefetch, or without acks, a stream is not consumed") {
  StreamWorld w;
  w.consume("first", true);
  CHECK(w.client.heard_text().find("540") != std::string::npos);
  StreamWorld v;
  v.qos(0);
  v.consume("first");
  CHECK(v.client.heard_text().find("consumer prefetch count is not set") != std::string::npos);
}

TEST_CASE("what only queues can do is refused in RabbitMQ's words") {
  const std::string text = " not supported by stream queues queue 's' in vhost '/' class-id=";
  StreamWorld w;
  w.client.get("s");
  CHECK(w.client.heard_text().find("reply-code=540 reply-text=NOT_IMPLEMENTED - basic.get" + text) != std::string::npos);
  StreamWorld v;
  v.client.call(1, Method::queue_purge, {"s", false});
  CHECK(v.client.heard_text().find("reply-code=540 reply-text=NOT_IMPLEMENTED - queue.purge" + text) != std::string::npos);
}

TEST_CASE("a stream that is declared as another type is refused in RabbitMQ's words") {
  StreamWorld w;
  w.client.declare_queue("s", {{"x-queue-type", "quorum"}});
  CHECK(w.client.heard_text().find("PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 's' in vhost '/': "
                                   "received 'quorum' but current is 'stream' class-id=") != std::string::npos);
}

TEST_CASE("a start that is none, or a partition that is not there, is refused") {
  StreamWorld w;
  w.consume("yesterday");
  CHECK(w.client.heard_text().find("invalid arg 'x-stream-offset'") != std::string::npos);
  StreamWorld v;
  const Table arguments{{"x-stream-partition", 7}};
  v.client.call(1, Method::basic_consume, {"s", "t", false, false, false, false, Bytes(encoded_table(arguments))});
  CHECK(v.client.heard_text().find("channel.close reply-code=404") != std::string::npos);
}

TEST_CASE("a cancelled consumer is given nothing more") {
  StreamWorld w;
  w.consume("next");
  w.client.heard();
  w.client.call(1, Method::basic_cancel, {"t", false});
  CHECK(w.count_heard("basic.cancel-ok") == 1);
  w.fill(2);
  CHECK(w.count_heard("basic.deliver") == 0);
}

TEST_CASE("a consumer is told that its stream is gone") {
  StreamWorld w;
  w.consume("next");
  w.client.heard();
  Client other(w.world);
  other.call(1, Method::queue_delete, {"s", false, false, false});
  CHECK(w.count_heard("basic.cancel consumer-tag=t") == 1);
}

TEST_CASE("a queue's deliveries and a stream's have one row of tags") {
  StreamWorld w;
  w.client.declare_queue("q");
  w.fill(2);
  for (const char* body : {"a", "b"}) w.client.publish("", "q", body);
  w.client.consume("q", "of-q");
  w.client.heard();
  w.consume("first");
  const std::string heard = w.client.heard_text();
  CHECK(heard.find("delivery-tag=3") != std::string::npos);
  CHECK(heard.find("delivery-tag=4") != std::string::npos);
  w.client.publish("", "q", "c");
  CHECK(w.client.heard_text().find("delivery-tag=5") != std::string::npos);
  w.ack(5, true);
  w.client.call(1, Method::queue_delete, {"q", false, true, false});
  CHECK(w.client.heard_text().find("queue.delete-ok") != std::string::npos);
  w.ack(5);
  CHECK(w.client.heard_text().find("unknown delivery tag 5") != std::string::npos);
}

TEST_CASE("acks of a channel that closes with its stream settle nothing of the next one") {
  StreamWorld w;
  w.fill(3);
  w.consume("first");
  w.client.call(1, Method::channel_close, {200, "", 0, 0});
  w.client.open_channel(1);
  w.client.heard();
  w.ack(1);
  CHECK(w.client.heard_text().find("unknown delivery tag 1") != std::string::npos);
}

}  // namespace
