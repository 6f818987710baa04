// Appending to topics and reading them.
#include <doctest/doctest.h>

#include <asio/use_future.hpp>
#include <map>

#include "client/record_batch.h"
#include "schemas/murmur2.h"
#include "tandem/appender.h"
#include "tandem/topic_reader.h"
#include "tests/client/fake_topics.h"

using namespace tandem;
using namespace tandem::testing;
using namespace std::chrono_literals;

namespace {

struct TopicRig {
  FakeTopics topics;
  FakeBroker broker{
      [this](FakeBroker& self, const fb::Envelope& said, Bytes payload) { topics(self, said, payload); }};
  Client client;

  explicit TopicRig(std::int32_t partitions = 1, Milliseconds request_timeout = ClientOptions{}.request_timeout)
      : topics("t", partitions) {
    auto options = broker.options();
    options.request_timeout = request_timeout;
    auto connected = Client::connect(options);
    REQUIRE(connected);
    client = *connected;
  }
  TopicAppender append(AppenderOptions options = {.topic = "t"}) {
    auto appender = TopicAppender::open(client, std::move(options));
    REQUIRE(appender);
    return *appender;
  }
  TopicReader read(Offset from = 0, ReaderOptions options = {}) {
    auto reader = TopicReader::open(client, {{"t", 0, from}}, options);
    REQUIRE(reader);
    return *reader;
  }
  /// Everything up to `count` records, as text.
  std::vector<std::string> poll(TopicReader& reader, std::size_t count) {
    std::vector<TopicRecord> records;
    while (records.size() < count) {
      const auto more = reader.poll(records, count - records.size(), 5s);
      REQUIRE(more);
      REQUIRE(*more > 0);
    }
    std::vector<std::string> values;
    for (const auto& record : records) values.emplace_back(*record.value);
    return values;
  }
};

}  // namespace

TEST_CASE("a record is appended, and its place is answered in every form") {
  TopicRig rig;
  auto appender = rig.append();
  const auto first = appender.append({.value = "a"});
  REQUIRE(first);
  CHECK(first->offset == 0);
  CHECK(appender.append({.value = "b"}, asio::use_future).get()->offset == 1);
}

TEST_CASE("posts gather into few batches and keep their order per partition") {
  for (const auto codec : {Codec::none, Codec::lz4}) {
    TopicRig rig;
    AppenderOptions options{.topic = "t", .codec = codec};
    auto appender = rig.append(options);
    for (int i = 0; i < 5'000; ++i) REQUIRE(appender.post({.value = std::to_string(i)}));
    REQUIRE(appender.flush());
    CHECK(rig.topics.appends() < 2'500);
    auto reader = rig.read();
    const auto values = rig.poll(reader, 5'000);
    for (int i = 0; i < 5'000; ++i) REQUIRE(values[static_cast<std::size_t>(i)] == std::to_string(i));
  }
}

TEST_CASE("a key always goes to the partition that Kafka's clients would choose") {
  TopicRig rig(7);
  auto appender = rig.append();
  CHECK(appender.partitions() == 7);
  for (const std::string key : {"a", "order-17", ""}) {
    const auto expected = partition_of_key(bytes_of(key), 7);
    CHECK(appender.partition_of(key) == expected);
    CHECK(appender.append({.key = key, .value = "x"})->partition == expected);
  }
  CHECK(appender.append({.value = "x", .partition = 5})->partition == 5);
  CHECK(appender.append({.value = "x", .partition = 7}).error().code == ErrorCode::not_found);
}

TEST_CASE("records without a key spread over the partitions, batch by batch") {
  TopicRig rig(3);
  auto appender = rig.append();
  std::map<std::int32_t, int> hit;
  for (int i = 0; i < 6; ++i) ++hit[appender.append({.value = "x"})->partition];
  CHECK(hit.size() == 3);
}

TEST_CASE("a topic that is not there cannot be opened") {
  TopicRig rig;
  CHECK(TopicAppender::open(rig.client, {.topic = "none"}).error().code == ErrorCode::not_found);
}

TEST_CASE("a conditional append succeeds once for one expected end") {
  TopicRig rig;
  auto appender = rig.append();
  const std::vector<Record> records{{.value = "a"}, {.value = "b"}};
  const auto first = appender.append_at(0, 0, records);
  REQUIRE(first);
  CHECK(first->offset == 0);
  CHECK(appender.append_at(0, 0, records).error().code == ErrorCode::version_conflict);
  CHECK(appender.append_at(0, 2, records)->offset == 2);
}

TEST_CASE("a full window makes try_post refuse, and failures reach flush once") {
  TopicRig rig;
  AppenderOptions options{.topic = "t"};
  options.window_bytes = 100;
  auto appender = rig.append(options);
  rig.topics.hold(true);
  REQUIRE(appender.try_post({.value = std::string(80, 'x')}));
  CHECK(appender.try_post({.value = std::string(80, 'x')}).error().code == ErrorCode::limit_reached);
  auto awaited = appender.post({.value = std::string(80, 'z')}, asio::use_future);
  CHECK(awaited.wait_for(20ms) == std::future_status::timeout);
  rig.topics.hold(false);
  rig.topics.refuse_next(rig.broker, ErrorCode::resource_alarm);
  CHECK(awaited.get());
  REQUIRE(appender.post({.value = std::string(80, 'y')}));
  CHECK(appender.flush().error().code == ErrorCode::resource_alarm);
  CHECK(appender.flush());
}

TEST_CASE("a reader gives keys, headers and timestamps, from its position on") {
  TopicRig rig;
  auto appender = rig.append();
  REQUIRE(appender.append(
      {.key = "k", .value = "0", .headers = {{"h", "v"}, {"e", std::nullopt}}, .timestamp = 77}));
  REQUIRE(appender.append({.value = "1"}));
  REQUIRE(appender.append({.value = "2"}));
  auto reader = rig.read();
  std::vector<TopicRecord> records;
  REQUIRE(reader.poll(records, 1, 5s));
  REQUIRE(records.size() == 1);
  CHECK(records[0].key == "k");
  CHECK(records[0].timestamp == 77);
  CHECK(records[0].headers[0] == std::pair<std::string_view, std::optional<std::string_view>>{"h", "v"});
  CHECK_FALSE(records[0].headers[1].second);
  CHECK(reader.positions()[0].offset == 1);
  CHECK(rig.poll(reader, 2) == std::vector<std::string>{"1", "2"});
  CHECK(reader.positions()[0].offset == 3);
  records.clear();
  CHECK(*reader.poll(records, 10, 10ms) == 0);
}

TEST_CASE("a reader can begin in the middle of a batch and seek anywhere") {
  TopicRig rig;
  auto appender = rig.append();
  const std::vector<Record> batch{{.value = "0"}, {.value = "1"}, {.value = "2"}, {.value = "3"}};
  REQUIRE(appender.append_at(0, 0, batch));
  auto reader = rig.read(2);
  CHECK(rig.poll(reader, 2) == std::vector<std::string>{"2", "3"});
  reader.seek({"t", 0, 1});
  CHECK(rig.poll(reader, 3) == std::vector<std::string>{"1", "2", "3"});
  reader.seek({"t", 0, 3});
  CHECK(rig.poll(reader, 1) == std::vector<std::string>{"3"});
}

TEST_CASE("a waiting poll completes when records arrive, in every form") {
  TopicRig rig;
  auto appender = rig.append();
  auto reader = rig.read();
  auto awaited = reader.poll(10, 5s, asio::use_future);
  REQUIRE(appender.append({.value = "x"}));
  const auto records = awaited.get();
  REQUIRE(records);
  REQUIRE(records->size() == 1);
  CHECK((*records)[0].value == "x");
  CHECK(reader.poll(10, 5ms, asio::use_future).get()->empty());
}

TEST_CASE("a position that is gone is an error, or where the reader says to go") {
  TopicRig rig;
  auto appender = rig.append();
  for (int i = 0; i < 5; ++i) REQUIRE(appender.append({.value = std::to_string(i)}));
  rig.topics.trim(0, 3);
  auto strict = rig.read(1);
  std::vector<TopicRecord> records;
  CHECK(strict.poll(records, 10, 5s).error().code == ErrorCode::out_of_range);

  ReaderOptions options;
  options.out_of_range = OutOfRange::to_earliest;
  auto lenient = rig.read(1, options);
  CHECK(rig.poll(lenient, 2) == std::vector<std::string>{"3", "4"});

  options.out_of_range = OutOfRange::to_latest;
  auto late = rig.read(99, options);
  CHECK(*late.poll(records, 10, 30ms) == 0);
  REQUIRE(appender.append({.value = "new"}));
  CHECK(rig.poll(late, 1) == std::vector<std::string>{"new"});
}

TEST_CASE("a damaged batch is an error each time and stays where it is") {
  TopicRig rig;
  auto appender = rig.append();
  REQUIRE(appender.append({.value = "good"}));
  REQUIRE(appender.append({.value = "bad"}));
  rig.topics.damage(0, 1);
  auto reader = rig.read();
  CHECK(rig.poll(reader, 1) == std::vector<std::string>{"good"});
  std::vector<TopicRecord> records;
  CHECK(reader.poll(records, 10, 5s).error().code == ErrorCode::corrupt);
  CHECK(reader.poll(records, 10, 5s).error().code == ErrorCode::corrupt);
  CHECK(reader.positions()[0].offset == 1);
}

TEST_CASE("reading and appending go on after a reconnect, without a gap") {
  TopicRig rig;
  auto appender = rig.append();
  auto reader = rig.read();
  REQUIRE(appender.append({.value = "0"}));
  CHECK(rig.poll(reader, 1) == std::vector<std::string>{"0"});
  rig.broker.drop();
  REQUIRE(appender.append({.value = "1"}));
  CHECK(rig.poll(reader, 1) == std::vector<std::string>{"1"});
  CHECK(rig.broker.connections() == 2);
}

TEST_CASE("what is sent again after a reconnect is stored once") {
  TopicRig rig;
  auto appender = rig.append();
  REQUIRE(appender.append({.value = "0"}));
  rig.topics.lose_next_answer();
  const auto again = appender.append({.value = "1"});
  REQUIRE(again);
  CHECK(again->offset == 1);
  CHECK(rig.broker.connections() == 2);
  CHECK(rig.topics.appends() == 3);
  const auto next = appender.append({.value = "2"});
  REQUIRE(next);
  CHECK(next->offset == 2);
}

TEST_CASE("what was under way goes again before what came while there was no connection") {
  for (int round = 0; round < 5; ++round) {
    TopicRig rig;
    auto appender = rig.append({.topic = "t", .batch_size_max_bytes = 1});
    auto reader = rig.read();
    rig.topics.hold(true);
    REQUIRE(appender.post({.value = "0"}));
    REQUIRE(rig.broker.wait_for([&] { return rig.topics.appends() == 1; }));
    rig.topics.hold(false);
    rig.broker.drop();
    REQUIRE(rig.broker.wait_for([&] { return !rig.client.connected(); }));
    for (const char* value : {"1", "2"}) REQUIRE(appender.post({.value = value}));
    CHECK(rig.poll(reader, 3) == std::vector<std::string>{"0", "1", "2"});
    REQUIRE(appender.flush());
    CHECK(rig.topics.producers() == 1);
  }
}

TEST_CASE("who does not want that has it stored twice") {
  TopicRig rig;
  auto appender = rig.append({.topic = "t", .idempotent = false});
  rig.topics.lose_next_answer();
  const auto again = appender.append({.value = "1"});
  REQUIRE(again);
  CHECK(again->offset == 1);
  CHECK(rig.topics.producers() == 0);
}

TEST_CASE("a refused batch does not take those behind it with it") {
  TopicRig rig;
  // A batch for each record, all under way together: they wait for the producer id first.
  auto appender = rig.append({.topic = "t", .batch_size_max_bytes = 1});
  auto reader = rig.read();
  rig.topics.refuse_next(rig.broker, ErrorCode::resource_alarm);
  for (const char* value : {"0", "1", "2", "3"}) REQUIRE(appender.post({.value = value}));
  CHECK(appender.flush().error().code == ErrorCode::resource_alarm);
  CHECK(rig.poll(reader, 3) == std::vector<std::string>{"1", "2", "3"});
  REQUIRE(appender.append({.value = "4"}));
  CHECK(rig.poll(reader, 1) == std::vector<std::string>{"4"});
  CHECK(rig.topics.producers() == 2);
}

TEST_CASE("stored long ago is stored, wherever") {
  TopicRig rig;
  auto appender = rig.append();
  rig.topics.refuse_next(rig.broker, ErrorCode::duplicate_sequence);
  const auto appended = appender.append({.value = "0"});
  REQUIRE(appended);
  CHECK(appended->offset == -1);
}

TEST_CASE("a broker without producer ids is appended to all the same") {
  TopicRig rig;
  rig.topics.have_no_producer_ids();
  auto appender = rig.append();
  for (const Offset offset : {0, 1}) {
    const auto appended = appender.append({.value = "x"});
    REQUIRE(appended);
    CHECK(appended->offset == offset);
  }
}

TEST_CASE("a producer id that cannot be had fails what waits for it, and is asked for again") {
  TopicRig rig(1, 50ms);
  auto appender = rig.append();
  rig.topics.answer_no_producer(true);
  CHECK(appender.append({.value = "0"}).error().code == ErrorCode::timed_out);
  rig.topics.answer_no_producer(false);
  CHECK(appender.append({.value = "1"}));
}

TEST_CASE("a reader refuses negative positions and ends when closed") {
  TopicRig rig;
  CHECK(TopicReader::open(rig.client, {{"t", 0, -1}}).error().code == ErrorCode::invalid_argument);
  auto reader = rig.read();
  auto waiting = reader.poll(1, 5s, asio::use_future);
  reader.close();
  CHECK(waiting.get().error().code == ErrorCode::unavailable);
}
