// Clients that misbehave, against the real program: each is told or dropped, what they held comes back, and nobody
// else notices.
#include <doctest/doctest.h>

#include <chrono>
#include <memory>

#include "tests/end_to_end/broker_fixture.h"
#include "tests/end_to_end/child_client.h"
#include "tests/end_to_end/raw_connection.h"
#include "tests/support/sanitized.h"

namespace tandem::end_to_end {

namespace {

using namespace std::chrono_literals;

std::string u32_little(std::uint32_t value) {
  return {static_cast<char>(value), static_cast<char>(value >> 8), static_cast<char>(value >> 16),
          static_cast<char>(value >> 24)};
}

struct HostileBytes {
  std::string what, face, bytes;
  std::string reason;  // in the answer; "" = the protocol has no words for it
};

std::vector<HostileBytes> hostile_bytes() {
  const std::string amqp_start("AMQP\0\0\x09\x01", 8);
  return {
      {"another protocol", "native", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "frame"},
      {"a frame of 4 GiB", "native", u32_little(0xFFFFFFFF) + u32_little(8), "4294967295"},
      {"an envelope larger than its frame", "native", u32_little(64) + u32_little(900) + std::string(60, 'e'), "900"},
      {"an envelope of noise", "native", u32_little(68) + u32_little(64) + std::string(64, '\xAB'), "envelope"},
      {"another protocol", "amqp", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "AMQP"},
      {"another version of AMQP", "amqp", std::string("AMQP\0\x01\0\0", 8), "AMQP"},
      {"a frame of 4 GiB", "amqp", amqp_start + std::string("\x01\0\0\xFF\xFF\xFF\xFF", 7), "frame_too_large"},
      {"a frame without its end", "amqp", amqp_start + std::string("\x08\0\0\0\0\0\0\x11", 8), "invalid_frame_end_marker"},
      {"a request of 2 GiB", "kafka", std::string("\x7F\xFF\xFF\xFF", 4) + std::string(16, 'k'), ""},
      {"a request of negative size", "kafka", std::string("\xFF\xFF\xFF\xF0", 4) + std::string(16, 'k'), ""},
      {"a request that there is not", "kafka", std::string("\0\0\0\x0A\x7F\x7F\0\0\0\0\0\1\xFF\xFF", 14), ""},
  };
}

std::uint64_t ready_in(const Client& client, const std::string& queue) {
  return must(client.ask(DeclareQueue{.name = queue, .passive = true})).ready;
}

}  // namespace

TEST_CASE("bytes that are no frames end their own connection with a reason, and disturb nobody") {
  BrokerFixture broker;
  const Client good = broker.connect();
  must(good.ask(DeclareQueue{.name = "q"}));
  auto publisher = must(Publisher::open(good));
  std::uint64_t published = 0;
  for (const auto& hostile : hostile_bytes()) {
    CAPTURE(hostile.face);
    CAPTURE(hostile.what);
    RawConnection bad(broker.process->port(hostile.face));
    bad.say(hostile.bytes);
    must(publisher.publish(Message{.routing_key = "q", .body = "meanwhile"}));
    ++published;
    const auto answer = bad.read_to_end();
    REQUIRE(answer);
    CHECK(answer->find(hostile.reason) != std::string::npos);
  }
  CHECK(good.connected());
  CHECK(ready_in(good, "q") == published);
}

// Its client says no more than that the handshake failed.
TEST_CASE("who begins a TLS handshake is told by no protocol, but the log says it") {
  BrokerFixture broker;
  for (const char* face : {"native", "amqp", "kafka"}) {
    RawConnection client(broker.process->port(face));
    client.say(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03", 11) + std::string(600, 'x'));
    CHECK(client.read_to_end());
  }
  const auto said = [&broker] {
    const std::string lines = broker.log_lines();
    int count = 0;
    for (std::size_t at = 0; (at = lines.find("TLS handshake", at)) != std::string::npos; ++at) ++count;
    return count;
  };
  CHECK(comes_true([&] { return said() == 3; }));
}

TEST_CASE("frames that are cut off by the end of their connection do nothing, and disturb nobody") {
  BrokerFixture broker;
  const Client good = broker.connect();
  must(good.ask(DeclareQueue{.name = "q"}));
  auto publisher = must(Publisher::open(good));
  for (const char* face : {"native", "amqp", "kafka"}) {
    const std::string start = std::string(face) == "amqp" ? std::string("AMQP\0\0\x09\x01", 8) : std::string();
    for (std::size_t size = 1; size <= 12; ++size)
      RawConnection(broker.process->port(face)).say(start + std::string(3, '\0') + std::string(size, 'x'));
    must(publisher.publish(Message{.routing_key = "q", .body = "meanwhile"}));
  }
  CHECK(ready_in(good, "q") == 3);
  CHECK(comes_true([&] { return must(good.ask(DescribeConnections{})).size() == 1; }));
}

TEST_CASE("10,000 messages that a killed client held unacked all come back, in order, marked redelivered") {
  constexpr int count = 10'000;
  BrokerFixture broker;
  ChildClient dying(broker.process->port("native"), [](const Client& client) -> std::shared_ptr<void> {
    if (!client.ask(DeclareQueue{.name = "q"})) return nullptr;
    auto publisher = Publisher::open(client);
    for (int i = 0; i < count; ++i)
      if (!publisher->post(Message{.routing_key = "q", .body = std::to_string(i)})) return nullptr;
    if (!publisher->flush()) return nullptr;
    struct Held {
      Consumer consumer;
      std::vector<Delivery> deliveries;
    };
    auto held = std::make_shared<Held>();
    auto consumer = Consumer::open(client, {.queue = "q", .prefetch = count});
    if (!consumer) return nullptr;
    held->consumer = *consumer;
    while (held->deliveries.size() < count)
      if (!held->consumer.receive_many(held->deliveries, count, 10s)) return nullptr;
    return held;
  });
  const Client client = broker.connect();
  CHECK(must(client.ask(DescribeQueues{"q"}))[0].unsettled == count);
  dying.kill();

  auto consumer = must(Consumer::open(client, {.queue = "q", .prefetch = count}));
  for (int i = 0; i < count; ++i) {
    auto delivery = must(consumer.receive(10s));
    REQUIRE(delivery.body() == std::to_string(i));
    REQUIRE(delivery.redelivered());
    delivery.ack();
  }
  must(consumer.flush());
  CHECK(ready_in(client, "q") == 0);
}

TEST_CASE("a client that never reads is given a bounded part, and others get the rest") {
  constexpr int count = 8'000;
  const std::string body(8'000, 'b');  // 64 MB: far more than sockets and outbox hold
  BrokerFixture broker;
  ChildClient frozen(broker.process->port("native"), [](const Client& client) -> std::shared_ptr<void> {
    if (!client.ask(DeclareQueue{.name = "q"})) return nullptr;
    auto consumer = Consumer::open(client, {.queue = "q", .prefetch = 0});
    return consumer ? std::make_shared<Consumer>(*consumer) : nullptr;
  });
  frozen.freeze();
  const Client client = broker.connect();
  auto publisher = must(Publisher::open(client));
  for (int i = 0; i < count; ++i)
    must(publisher.post(Message{.routing_key = "q", .body = std::to_string(i) + " " + body}));
  must(publisher.flush());
  const auto held = must(client.ask(DescribeQueues{"q"}))[0].unsettled;
  CHECK(held < count / 2);

  std::vector<bool> seen(count);
  int received = 0;
  auto consumer = must(Consumer::open(client, {.queue = "q"}));
  const auto take = [&](int until) {
    while (received < until) {
      auto delivery = must(consumer.receive(10s));
      const int number = std::stoi(std::string(delivery.body()));
      REQUIRE_FALSE(seen[static_cast<std::size_t>(number)]);
      seen[static_cast<std::size_t>(number)] = true;
      delivery.ack();
      ++received;
    }
    must(consumer.flush());
  };
  take(count - static_cast<int>(held));
  frozen.kill();
  take(count);
  CHECK(ready_in(client, "q") == 0);
}

TEST_CASE("a Kafka client that asks for 16 GiB and never reads holds a bounded part, and others are answered") {
  constexpr std::uint32_t fetches = 1'000;
  BrokerFixture broker;
  const Client client = broker.connect();
  must(client.ask(CreateTopic{.name = "t"}));
  auto appender = must(TopicAppender::open(client, {.topic = "t"}));
  const std::string value(64'000, 'v');
  for (int i = 0; i < 512; ++i) must(appender.post(Record{.value = value}));  // 32 MB
  must(appender.flush());
  const std::uint64_t before_kib = memory_kib(broker.process->pid());
  std::vector<std::unique_ptr<RawConnection>> deaf;
  for (int i = 0; i < 4; ++i) {
    deaf.push_back(std::make_unique<RawConnection>(broker.process->port("kafka")));
    std::string requests;
    for (std::uint32_t number = 0; number < fetches; ++number) requests += fetch_request("t", number);
    deaf.back()->say(requests);
  }
  RawConnection good(broker.process->port("kafka"));
  for (std::uint32_t i = 0; i < 20; ++i) {
    good.say(kafka_frame(18, 0, i, ""));
    const std::string size = good.read(4);
    CHECK(good.read(load_big<std::uint32_t>(reinterpret_cast<const std::byte*>(size.data()))).substr(0, 4) == big(i));
    std::this_thread::sleep_for(50ms);
  }
  // One response of 8 MiB at most is held for each of them, and what sockets hold is not the broker's.
  if (!support::is_sanitized) CHECK(memory_kib(broker.process->pid()) < before_kib + 4 * 2 * 8 * 1024);
  CHECK(client.connected());
}

}  // namespace tandem::end_to_end
