// The real program and the real client library over a network that is bad: slow, byte by byte, cut, silent.
#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <thread>

#include "tests/end_to_end/broker_fixture.h"
#include "tests/support/proxy.h"

namespace tandem::end_to_end {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// What decides is that it happens; how soon is printed. This is for a machine that does ten things at once.
constexpr Milliseconds network_patience = 20s;

ClientOptions over(const support::Proxy& proxy, Milliseconds heartbeat = 10s) {
  ClientOptions options;
  options.port = proxy.port();
  options.heartbeat = heartbeat;
  return options;
}

void declare_remembered(const Client& client, const std::string& name) {
  must(client.ask(DeclareQueue{.name = name, .remember = true}));
}

std::string numbered_body(int number) {
  return std::to_string(number) + std::string(static_cast<std::size_t>(number * 31 % 500), '.');
}

/// How often each number came, until `wanted` of them have come and nothing more does for a while; all are acked.
std::map<int, int> times_taken(const Client& client, const std::string& queue, std::size_t wanted) {
  auto consumer = must(Consumer::open(client, {.queue = queue}));
  std::map<int, int> taken;
  const auto patience = [&] { return taken.size() < wanted ? network_patience : 500ms; };
  for (auto delivery = consumer.receive(patience()); delivery.ok(); delivery = consumer.receive(patience())) {
    ++taken[std::stoi(std::string(delivery->body()))];
    delivery->ack();
  }
  must(consumer.flush());
  return taken;
}

bool happens(const std::function<bool()>& what, Milliseconds within = network_patience) {
  for (const auto end = Clock::now() + within; Clock::now() < end; std::this_thread::sleep_for(2ms))
    if (what()) return true;
  return what();
}

long long passed_ms_since(Clock::time_point begin) {
  return std::chrono::duration_cast<Milliseconds>(Clock::now() - begin).count();
}

}  // namespace

TEST_CASE("a network that gives bytes one at a time changes nothing but the time") {
  BrokerFixture broker;
  support::Proxy proxy(broker.process->port("native"));
  proxy.drip(true);
  const Client client = must(Client::connect(over(proxy)));
  declare_remembered(client, "q");
  auto publisher = must(Publisher::open(client));
  for (int i = 0; i < 50; ++i) must(publisher.post(Message{.routing_key = "q", .body = numbered_body(i)}));
  must(publisher.flush());
  const auto taken = times_taken(client, "q", 50);
  CHECK(taken.size() == 50);
  for (const auto& [number, times] : taken) CHECK(times == 1);
}

TEST_CASE("a slow network is not taken for a dead one") {
  BrokerFixture broker;
  support::Proxy proxy(broker.process->port("native"));
  proxy.delay(100ms);
  std::atomic<int> lost{0};
  ClientOptions options = over(proxy, 500ms);
  options.on_event = [&](const ClientEvent& event) { lost += event.kind == ClientEvent::Kind::disconnected; };
  const Client client = must(Client::connect(options));
  declare_remembered(client, "q");
  auto publisher = must(Publisher::open(client));
  for (int i = 0; i < 20; ++i) must(publisher.post(Message{.routing_key = "q", .body = numbered_body(i)}));
  must(publisher.flush());
  std::this_thread::sleep_for(2s);  // heartbeats only
  CHECK(times_taken(client, "q", 20).size() == 20);
  CHECK(lost == 0);
}

TEST_CASE("connections that are cut again and again lose no confirmed message and no order") {
  BrokerFixture broker;
  support::Proxy proxy(broker.process->port("native"));
  const Client client = must(Client::connect(over(proxy)));
  declare_remembered(client, "q");
  auto publisher = must(Publisher::open(client));
  std::atomic<bool> ending{false};
  std::thread cutter([&] {
    while (!ending) {
      std::this_thread::sleep_for(60ms);
      proxy.cut();
    }
  });
  constexpr int messages = 3'000;
  for (int i = 0; i < messages; ++i) {
    must(publisher.post(Message{.routing_key = "q", .body = numbered_body(i)}));
    if (i % 10 == 0) std::this_thread::sleep_for(3ms);
  }
  ending = true;
  cutter.join();
  must(publisher.flush());
  CHECK(proxy.connections() > 3);
  // What was unconfirmed at a cut was sent again, so it may be there twice; but it is there.
  auto consumer = must(Consumer::open(client, {.queue = "q"}));
  std::vector<int> first;
  std::map<int, int> taken;
  for (auto delivery = consumer.receive(2s); delivery.ok(); delivery = consumer.receive(500ms)) {
    const int number = std::stoi(std::string(delivery->body()));
    if (taken[number]++ == 0) first.push_back(number);
    delivery->ack();
  }
  REQUIRE(first.size() == messages);
  for (int i = 0; i < messages; ++i) REQUIRE(first[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("records appended through cuts and kills are stored once each, in their order") {
  BrokerFixture broker;
  support::Proxy proxy(broker.process->port("native"));
  const Client client = must(Client::connect(over(proxy)));
  must(client.ask(CreateTopic{.name = "t"}));
  auto appender = must(TopicAppender::open(client, {.topic = "t", .batch_size_max_bytes = 2'000}));
  std::atomic<bool> ending{false};
  std::thread destroyer([&] {
    for (int i = 1; !ending; ++i) {
      std::this_thread::sleep_for(60ms);
      if (i % 8 != 0) {
        proxy.cut();
        continue;
      }
      broker.kill_and_restart();
      proxy.lead_to(broker.process->port("native"));
      proxy.cut();
    }
  });
  constexpr int records = 6'000;
  for (int i = 0; i < records; ++i) {
    must(appender.post({.value = numbered_body(i)}));
    if (i % 10 == 0) std::this_thread::sleep_for(3ms);
  }
  ending = true;
  destroyer.join();
  must(appender.flush());
  CHECK(proxy.connections() > 3);
  auto reader = must(TopicReader::open(client, {{"t", 0, 0}}));
  std::vector<TopicRecord> read;
  while (read.size() < records)
    if (must(reader.poll(read, records, 5s)) == 0) break;
  REQUIRE(read.size() == records);
  for (int i = 0; i < records; ++i) REQUIRE(read[static_cast<std::size_t>(i)].value == numbered_body(i));
  CHECK(must(client.ask(ListOffset{.topic = "t"})).offset == records);
}

TEST_CASE("a client sees a network that fell silent, and goes on when it speaks again") {
  BrokerFixture broker;
  support::Proxy proxy(broker.process->port("native"));
  constexpr Milliseconds heartbeat = 500ms;
  std::atomic<int> lost{0};
  ClientOptions options = over(proxy, heartbeat);
  options.connect_timeout = 500ms;
  options.reconnect.delay_max = 500ms;
  options.on_event = [&](const ClientEvent& event) { lost += event.kind == ClientEvent::Kind::disconnected; };
  const Client client = must(Client::connect(options));
  declare_remembered(client, "q");
  auto publisher = must(Publisher::open(client));
  must(publisher.post(Message{.routing_key = "q", .body = "0"}));
  must(publisher.flush());

  const auto silent = Clock::now();
  proxy.fall_silent(true);
  must(publisher.post(Message{.routing_key = "q", .body = "1"}));
  REQUIRE(happens([&] { return lost > 0; }));
  MESSAGE("the silence was seen after ms: ", passed_ms_since(silent), ", two heartbeats are ms: ", 2 * heartbeat.count());

  const auto speaks = Clock::now();
  proxy.fall_silent(false);
  must(publisher.flush());  // what waited is confirmed
  MESSAGE("served again after ms: ", passed_ms_since(speaks));
  const auto taken = times_taken(client, "q", 2);
  CHECK(taken.contains(0));
  CHECK(taken.contains(1));
}

TEST_CASE("the broker gives what a silent consumer held to another one") {
  BrokerFixture broker;
  support::Proxy proxy(broker.process->port("native"));
  constexpr Milliseconds heartbeat = 500ms;
  const Client direct = broker.connect();
  declare_remembered(direct, "q");
  const Client client = must(Client::connect(over(proxy, heartbeat)));
  auto holder = must(Consumer::open(client, {.queue = "q"}));
  auto publisher = must(Publisher::open(direct));
  must(publisher.post(Message{.routing_key = "q", .body = "held"}));
  must(publisher.flush());
  const auto held = must(holder.receive(network_patience));
  CHECK(!held.redelivered());

  const auto silent = Clock::now();
  proxy.fall_silent(true);
  auto other = must(Consumer::open(direct, {.queue = "q"}));
  auto again = must(other.receive(network_patience));
  MESSAGE("given to another consumer after ms: ", passed_ms_since(silent), ", two heartbeats are ms: ", 2 * heartbeat.count());
  CHECK(again.body() == "held");
  CHECK(again.redelivered());
  again.ack();
  must(other.flush());
}

TEST_CASE("a client is served again soon after a broker that refused connections takes them") {
  BrokerFixture broker;
  support::Proxy proxy(broker.process->port("native"));
  ClientOptions options = over(proxy);
  options.reconnect.delay_max = 1s;
  const Client client = must(Client::connect(options));
  declare_remembered(client, "q");
  auto publisher = must(Publisher::open(client));
  proxy.cut(true);
  must(publisher.post(Message{.routing_key = "q", .body = "0"}));
  std::this_thread::sleep_for(1s);
  const auto takes = Clock::now();
  proxy.cut(false);
  must(publisher.flush());
  MESSAGE("served again after ms: ", passed_ms_since(takes));
  CHECK(times_taken(client, "q", 1).size() == 1);
}

}  // namespace tandem::end_to_end
