// Queues through the real program and the real client library.
#include <doctest/doctest.h>

#include <thread>

#include "tests/end_to_end/broker_fixture.h"

namespace tandem::end_to_end {

namespace {

using namespace std::chrono_literals;

void declare(const Client& client, const std::string& name, Table arguments = {}) {
  DeclareQueue queue;
  queue.name = name;
  queue.arguments = std::move(arguments);
  must(client.ask(queue));
}

void publish(const Client& client, const std::string& queue, const std::vector<std::string>& bodies) {
  auto publisher = must(Publisher::open(client));
  for (const auto& body : bodies) must(publisher.post(Message{.routing_key = queue, .body = body}));
  must(publisher.flush());
}

Consumer consume(const Client& client, const std::string& queue) {
  ConsumerOptions options;
  options.queue = queue;
  return must(Consumer::open(client, options));
}

std::uint64_t ready(const Client& client, const std::string& queue) {
  const auto queues = must(client.ask(DescribeQueues{queue}));
  REQUIRE(queues.size() == 1);
  return queues[0].ready;
}

/// The bodies that the queue gives until nothing comes for a while; all are acked.
std::vector<std::string> drain(const Client& client, const std::string& queue) {
  auto consumer = consume(client, queue);
  std::vector<std::string> bodies;
  for (auto delivery = consumer.receive(2s); delivery.ok(); delivery = consumer.receive(300ms)) {
    bodies.emplace_back(delivery->body());
    delivery->ack();
  }
  must(consumer.flush());
  return bodies;
}

std::vector<std::string> numbered(int count, std::size_t size = 0) {
  std::vector<std::string> bodies;
  for (int i = 0; i < count; ++i) {
    bodies.push_back("message " + std::to_string(i));
    if (bodies.back().size() < size) bodies.back().resize(size, '.');
  }
  return bodies;
}

}  // namespace

TEST_CASE("what was published is delivered in order, and an acked message does not come back") {
  BrokerFixture broker;
  const Client client = broker.connect();
  declare(client, "orders");
  const auto bodies = numbered(1000);
  publish(client, "orders", bodies);
  CHECK(drain(client, "orders") == bodies);
  CHECK(ready(client, "orders") == 0);
}

TEST_CASE("confirmed messages survive an orderly restart") {
  BrokerFixture broker;
  const auto bodies = numbered(1000);
  {
    const Client client = broker.connect();
    declare(client, "orders");
    publish(client, "orders", bodies);
  }
  broker.stop_and_restart();
  const Client client = broker.connect();
  CHECK(drain(client, "orders") == bodies);
}

TEST_CASE("confirmed messages survive kill -9, and confirmed acks do as well") {
  BrokerFixture broker;
  const auto bodies = numbered(1000);
  {
    const Client client = broker.connect();
    declare(client, "orders");
    publish(client, "orders", bodies);
    auto consumer = consume(client, "orders");
    for (int i = 0; i < 500; ++i) must(consumer.receive(5s)).ack();
    must(consumer.flush());
    broker.process->kill();
  }
  broker.start();
  const Client client = broker.connect();
  CHECK(drain(client, "orders") == std::vector<std::string>(bodies.begin() + 500, bodies.end()));
}

TEST_CASE("a message that was held by a killed consumer comes back as redelivered") {
  BrokerFixture broker;
  const Client client = broker.connect();
  declare(client, "orders");
  publish(client, "orders", {"hello"});
  {
    const Client other = broker.connect();
    auto consumer = consume(other, "orders");
    const auto held = must(consumer.receive(5s));
    CHECK_FALSE(held.redelivered());
    static_cast<void>(Client(other).close(0ms));  // held is not settled any more
  }
  auto consumer = consume(client, "orders");
  auto again = must(consumer.receive(5s));
  CHECK(again.body() == "hello");
  CHECK(again.redelivered());
  again.ack();
}

TEST_CASE("messages larger than one read, and of 10 MiB, arrive whole") {
  BrokerFixture broker;
  const Client client = broker.connect();
  declare(client, "large");
  const std::vector<std::string> bodies = {std::string(300'000, 'a'), std::string(10u << 20, 'b'), "small"};
  publish(client, "large", bodies);
  CHECK(drain(client, "large") == bodies);
}

TEST_CASE("a backlog larger than the body cache is read back from disk in order") {
  BrokerFixture broker({"--cache-size", "8MiB"});
  const Client client = broker.connect();
  declare(client, "backlog");
  const auto bodies = numbered(20'000, 2'000);
  publish(client, "backlog", bodies);
  CHECK(ready(client, "backlog") == bodies.size());
  CHECK(drain(client, "backlog") == bodies);
}

TEST_CASE("a rejected message goes to its dead-letter queue with the story of its death") {
  BrokerFixture broker;
  const Client client = broker.connect();
  declare(client, "graveyard");
  declare(client, "orders",
          {{"x-dead-letter-exchange", Value("")}, {"x-dead-letter-routing-key", Value("graveyard")}});
  publish(client, "orders", {"hello"});
  auto consumer = consume(client, "orders");
  must(consumer.receive(5s)).reject();
  auto graves = consume(client, "graveyard");
  auto dead = must(graves.receive(5s));
  CHECK(dead.body() == "hello");
  const auto properties = must(dead.properties());
  REQUIRE(properties.headers.has_value());
  const Value* deaths = find(*properties.headers, "x-death");
  REQUIRE(deaths != nullptr);
  const Table& death = *deaths->array()->at(0).table();
  CHECK(*find(death, "queue")->text() == "orders");
  CHECK(*find(death, "reason")->text() == "rejected");
  dead.ack();
}

TEST_CASE("an expired message that would come back to its own queue is dropped") {
  BrokerFixture broker;
  const Client client = broker.connect();
  declare(client, "loop",
          {{"x-message-ttl", Value(std::int64_t{50})}, {"x-dead-letter-exchange", Value("")}});
  publish(client, "loop", {"hello"});
  const auto give_up = std::chrono::steady_clock::now() + 5s;
  while (ready(client, "loop") > 0 && std::chrono::steady_clock::now() < give_up)
    std::this_thread::sleep_for(20ms);
  std::this_thread::sleep_for(200ms);
  CHECK(ready(client, "loop") == 0);
}

}  // namespace tandem::end_to_end
