// What one slow, stopped or hostile client costs another one: that it is served is judged, how fast is printed (docs/testing.md
// has the figures). A machine's noise is larger than what is looked for, so each neighbour comes and goes several times, and
// medians are shown; TANDEM_NEIGHBOUR_ROUNDS says how often, once when it is not set.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <thread>

#include "tests/end_to_end/child_client.h"
#include "tests/end_to_end/delivery_time.h"
#include "tests/end_to_end/raw_connection.h"

namespace tandem::end_to_end {

namespace {

using namespace std::chrono_literals;

int rounds() {
  const char* text = std::getenv("TANDEM_NEIGHBOUR_ROUNDS");
  return text ? std::max(1, std::atoi(text)) : 1;
}

class Figures {
 public:
  void measure_alone(const Client& client) { alone_.push_back(delivery_p99_us(client, messages)); }
  void measure_beside(const Client& client) { beside_.push_back(delivery_p99_us(client, messages)); }
  std::string text() { return "p99, us: alone " + shown(alone_) + "; beside " + shown(beside_); }

 private:
  static constexpr int messages = 1'000;
  static std::string shown(std::vector<long long>& times) {
    std::sort(times.begin(), times.end());
    return std::to_string(times[times.size() / 2]) + " (" + std::to_string(times.front()) + " to " +
           std::to_string(times.back()) + ")";
  }
  std::vector<long long> alone_, beside_;
};

/// A client in a process of its own, which does `step` again and again when it is let. It leaves the processor to others: what
/// it takes of the broker is looked for, not of the machine.
class BusyNeighbour {
 public:
  template <class Prepare, class Step>
  BusyNeighbour(std::uint16_t port, Prepare prepare, Step step)
      : child_(port, [prepare, step](const Client& own) -> std::shared_ptr<void> {
          (void)!::nice(19);
          auto state = prepare(own);
          if (!state) return nullptr;
          std::thread([state, step] {
            while (true) step(*state);
          }).detach();
          return state;
        }) {
    child_.freeze();
  }
  void come() { child_.thaw(); }
  void go() { child_.freeze(); }

 private:
  ChildClient child_;
};

void measure(const Client& client, BusyNeighbour& neighbour, const char* name) {
  Figures figures;
  for (int round = 0; round < rounds(); ++round) {
    figures.measure_alone(client);
    neighbour.come();
    figures.measure_beside(client);
    neighbour.go();
  }
  MESSAGE(std::string(name), ": ", figures.text());
  CHECK(client.connected());
}

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
