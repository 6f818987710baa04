// What one slow or stopped client, or a busy one, costs another one. Hostile ones: hostile_neighbours_test.cpp.
#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "tests/end_to_end/neighbour.h"
#include "tests/end_to_end/raw_connection.h"

namespace tandem::end_to_end {

namespace {

using namespace std::chrono_literals;

}  // namespace

TEST_CASE("others are served beside a consumer that is stopped with 10,000 messages unacked, and how fast is printed") {
  Figures figures;
  for (int round = 0; round < rounds(); ++round) {
    BrokerFixture broker;
    ChildClient stopped(broker.process->port("native"), [](const Client& own) -> std::shared_ptr<void> {
      if (!own.ask(DeclareQueue{.name = "much"})) return nullptr;
      auto consumer = Consumer::open(own, {.queue = "much", .prefetch = 10'000});
      return consumer ? std::make_shared<Consumer>(*consumer) : nullptr;
    });
    stopped.freeze();
    const Client client = broker.connect();
    figures.measure_alone(client);  // nothing was said to the stopped one yet
    auto publisher = must(Publisher::open(client));
    for (int i = 0; i < 20'000; ++i)
      must(publisher.post(Message{.routing_key = "much", .body = std::string(1'000, 's')}));
    must(publisher.flush());
    figures.measure_beside(client);
    CHECK(client.connected());
  }
  MESSAGE("beside a stopped consumer: ", figures.text());
}

TEST_CASE("others are served beside a publisher of large messages, and how fast is printed") {
  BrokerFixture broker;
  const auto prepare = [](const Client& own) -> std::shared_ptr<Publisher> {
    const Table one_waits{{"x-max-length", 1}};
    if (!own.ask(DeclareQueue{.name = "large", .arguments = one_waits})) return nullptr;
    auto publisher = Publisher::open(own);
    return publisher ? std::make_shared<Publisher>(*publisher) : nullptr;
  };
  BusyNeighbour flood(broker.process->port("native"), prepare, [](Publisher& publisher) {
    (void)publisher.post(Message{.routing_key = "large", .body = std::string((16u << 20) - 1'000, 'l')});
  });
  measure(broker.connect(), flood, "beside a publisher of 16 MiB messages");
}

TEST_CASE("others are served beside a reader of a topic that is not in memory, and how fast is printed") {
  BrokerFixture broker;
  {
    const Client client = broker.connect();
    must(client.ask(CreateTopic{.name = "cold"}));
    auto appender = must(TopicAppender::open(client, {.topic = "cold"}));
    for (int i = 0; i < 4'096; ++i) must(appender.post(Record{.value = std::string(64'000, 'c')}));  // four times the cache
    must(appender.flush());
  }
  broker.stop_and_restart();
  struct Reading {
    TopicReader reader;
    std::vector<TopicRecord> records;
  };
  const auto prepare = [](const Client& own) -> std::shared_ptr<Reading> {
    auto reader = TopicReader::open(own, {{.topic = "cold"}});
    return reader ? std::make_shared<Reading>(Reading{*reader, {}}) : nullptr;
  };
  BusyNeighbour reads(broker.process->port("native"), prepare, [](Reading& reading) {
    reading.records.clear();
    const auto count = reading.reader.poll(reading.records, 1'000, 100ms);
    if (!count || *count == 0) reading.reader.assign({{.topic = "cold"}});  // from its start again
  });
  measure(broker.connect(), reads, "beside a reader of a cold topic");
}

TEST_CASE("others are served beside 1,000 that are idle and one that says a byte a second, and how fast is printed") {
  BrokerFixture broker;
  const Client client = broker.connect();
  const std::string api_versions = kafka_frame(18, 0, 1, "");
  Figures idle, slow;
  for (int round = 0; round < rounds(); ++round) {
    idle.measure_alone(client);
    slow.measure_alone(client);
    std::vector<std::unique_ptr<RawConnection>> connections;
    for (int i = 0; i < 1'000; ++i) {
      connections.push_back(std::make_unique<RawConnection>(broker.process->port("kafka")));
      connections.back()->say(api_versions);
      (void)connections.back()->read(4);  // it was served; the rest may lie
    }
    idle.measure_beside(client);
    connections.clear();
    std::atomic<bool> ends{false};
    std::thread slow_one([&] {
      RawConnection connection(broker.process->port("kafka"));
      for (std::size_t i = 0; !ends; ++i) {
        connection.say(api_versions.substr(i % api_versions.size(), 1));
        for (int wait = 0; wait < 20 && !ends; ++wait) std::this_thread::sleep_for(50ms);
      }
    });
    slow.measure_beside(client);
    ends = true;
    slow_one.join();
  }
  MESSAGE("beside 1,000 idle connections: ", idle.text());
  MESSAGE("beside one that says a byte a second: ", slow.text());
  CHECK(client.connected());
}

}  // namespace tandem::end_to_end
