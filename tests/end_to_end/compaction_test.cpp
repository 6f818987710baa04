// A compacted topic through the real program: what readers find before, after, and when the broker is killed in between.
#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <thread>

#include "tests/end_to_end/broker_fixture.h"

namespace tandem::end_to_end {

namespace {

using namespace std::chrono_literals;
using Values = std::map<std::string, std::string>;

struct Contents {
  Values newest;
  std::size_t records = 0;
};

void create_compacted(const Client& client, const std::string& name) {
  CreateTopic topic;
  topic.name = name;
  topic.config = {{"cleanup.policy", "compact"}, {"segment.bytes", "20000"}};
  must(client.ask(topic));
}

/// Each of 50 keys so many times.
void append_rounds(const Client& client, const std::string& topic, int rounds, Values& newest) {
  AppenderOptions options;
  options.topic = topic;
  auto appender = must(TopicAppender::open(client, options));
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < 50; ++i) {
      const std::string key = "key " + std::to_string(i);
      const std::string value = std::string(50, 'v') + std::to_string(round * 50 + i);
      must(appender.post(Record{.key = key, .value = value, .partition = 0}));
      newest[key] = value;
    }
    must(appender.flush());
  }
}

Contents read_all(const Client& client, const std::string& topic) {
  auto reader = must(TopicReader::open(client, {Position{topic, 0, 0}}));
  Contents contents;
  for (std::vector<TopicRecord> records; must(reader.poll(records, 10'000, 300ms)) > 0; records.clear())
    for (const TopicRecord& record : records) {
      contents.newest[std::string(record.key.value_or(""))] = record.value.value_or("(none)");
      contents.records += 1;
    }
  return contents;
}

}  // namespace

TEST_CASE("a compacted topic loses what was overwritten and nothing else, also when the broker is killed meanwhile") {
  BrokerFixture broker;
  Values newest;
  {
    const Client client = broker.connect();
    create_compacted(client, "orders");
    append_rounds(client, "orders", 100, newest);
    CHECK(read_all(client, "orders").records == 5000);
  }
  broker.stop_and_restart();  // all of it is in segments now; the compaction begins with the start
  for (int kills = 0; kills < 5; ++kills) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5 * kills));
    broker.kill_and_restart();
    CHECK(read_all(broker.connect(), "orders").newest == newest);
  }
  const Client client = broker.connect();
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  Contents contents = read_all(client, "orders");
  while (contents.records >= 1000 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(200ms);
    contents = read_all(client, "orders");
    CHECK(contents.newest == newest);
  }
  CHECK(contents.records < 1000);
  append_rounds(client, "orders", 1, newest);
  CHECK(read_all(client, "orders").newest == newest);
  broker.stop_and_restart();
  CHECK(read_all(broker.connect(), "orders").newest == newest);
}

TEST_CASE("a record without a key is refused where the topic is compacted") {
  BrokerFixture broker;
  const Client client = broker.connect();
  create_compacted(client, "orders");
  AppenderOptions options;
  options.topic = "orders";
  auto appender = must(TopicAppender::open(client, options));
  const Record keyless{.value = "v"};
  const auto refused = appender.append_at(0, 0, {&keyless, 1});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::invalid_argument);
  CHECK(refused.error().text.find("key") != std::string::npos);
}

}  // namespace tandem::end_to_end
