// Topics through the real program and the real client library.
#include <doctest/doctest.h>

#include "tests/end_to_end/broker_fixture.h"

namespace tandem::end_to_end {

namespace {

using namespace std::chrono_literals;

void create(const Client& client, const std::string& name, std::int32_t partitions = 1) {
  CreateTopic topic;
  topic.name = name;
  topic.partitions = partitions;
  must(client.ask(topic));
}

void append(const Client& client, const std::string& topic, int first, int count) {
  AppenderOptions options;
  options.topic = topic;
  auto appender = must(TopicAppender::open(client, options));
  for (int i = first; i < first + count; ++i) {
    const std::string value = "record " + std::to_string(i);
    must(appender.post(Record{.value = value, .partition = 0}));
  }
  must(appender.flush());
}

std::vector<std::string> read(const Client& client, const std::string& topic, Offset from,
                              std::size_t count) {
  auto reader = must(TopicReader::open(client, {Position{topic, 0, from}}));
  std::vector<TopicRecord> records;
  while (records.size() < count && must(reader.poll(records, count, 3s)) > 0) {
  }
  std::vector<std::string> values;
  for (std::size_t i = 0; i < records.size(); ++i) {
    CHECK(records[i].offset == from + static_cast<Offset>(i));
    values.emplace_back(records[i].value.value_or("(none)"));
  }
  return values;
}

std::vector<std::string> expected(int first, int count) {
  std::vector<std::string> values;
  for (int i = first; i < first + count; ++i) values.push_back("record " + std::to_string(i));
  return values;
}

}  // namespace

TEST_CASE("what was appended is read in order from any offset") {
  BrokerFixture broker;
  const Client client = broker.connect();
  create(client, "events");
  append(client, "events", 0, 1000);
  CHECK(read(client, "events", 0, 1000) == expected(0, 1000));
  CHECK(read(client, "events", 990, 10) == expected(990, 10));
}

TEST_CASE("appended records survive an orderly restart, and new ones follow them") {
  BrokerFixture broker;
  {
    const Client client = broker.connect();
    create(client, "events");
    append(client, "events", 0, 500);
  }
  broker.stop_and_restart();
  const Client client = broker.connect();
  append(client, "events", 500, 500);
  CHECK(read(client, "events", 0, 1000) == expected(0, 1000));
}

TEST_CASE("appended records and committed offsets survive kill -9") {
  BrokerFixture broker;
  {
    const Client client = broker.connect();
    create(client, "events");
    append(client, "events", 0, 500);
    CommitOffsets commit;
    commit.group = "readers";
    commit.offsets = {GroupOffset{"events", 0, 123, "half way"}};
    must(client.ask(commit));
    broker.process->kill();
  }
  broker.start();
  const Client client = broker.connect();
  CHECK(read(client, "events", 0, 500) == expected(0, 500));
  const auto offsets = must(client.ask(FetchOffsets{"readers"}));
  REQUIRE(offsets.size() == 1);
  CHECK(offsets[0].offset == 123);
  CHECK(offsets[0].metadata == "half way");
}

TEST_CASE("a message through an exchange is read as a topic record") {
  BrokerFixture broker;
  const Client client = broker.connect();
  create(client, "audit");
  must(client.ask(
      Bind{.source = "amq.fanout", .destination_kind = Destination::topic, .destination = "audit"}));
  auto publisher = must(Publisher::open(client));
  must(publisher.publish(Message{.exchange = "amq.fanout", .routing_key = "key", .body = "hello"}));
  CHECK(read(client, "audit", 0, 1) == std::vector<std::string>{"hello"});
}

TEST_CASE("a conditional append is refused when someone else wrote") {
  BrokerFixture broker;
  const Client client = broker.connect();
  create(client, "events");
  append(client, "events", 0, 3);
  AppenderOptions options;
  options.topic = "events";
  auto appender = must(TopicAppender::open(client, options));
  const Record record{.value = "mine"};
  const auto refused = appender.append_at(0, 2, {&record, 1});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::version_conflict);
  CHECK(must(appender.append_at(0, 3, {&record, 1})).offset == 3);
}

TEST_CASE("a reader that waits is answered when a record comes") {
  BrokerFixture broker;
  const Client client = broker.connect();
  create(client, "events");
  auto reader = must(TopicReader::open(client, {Position{"events", 0, 0}}));
  std::vector<TopicRecord> records;
  CHECK(must(reader.poll(records, 10, 50ms)) == 0);
  append(client, "events", 0, 1);
  CHECK(must(reader.poll(records, 10, 5s)) == 1);
}

}  // namespace tandem::end_to_end
