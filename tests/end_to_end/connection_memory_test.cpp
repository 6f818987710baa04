// Many clients that do not read, or do not say all: what they cost together is bounded, and what they cost others is printed.
#include <doctest/doctest.h>

#include <memory>

#include "tests/end_to_end/broker_fixture.h"
#include "tests/end_to_end/delivery_time.h"
#include "tests/end_to_end/raw_connection.h"
#include "tests/support/sanitized.h"

namespace tandem::end_to_end {

namespace {

using Connections = std::vector<std::unique_ptr<RawConnection>>;

// What --connection-memory says in these tests.
constexpr std::uint64_t budget_kib = 64 * 1024;
// What has nothing to do with how many there are: an eighth of the budget for those that are told why they go, the copies and
// answers of one turn of the loop, blocks kept for the next one, and what the allocator does not give back. 53 MiB were seen.
constexpr std::uint64_t beside_budget_kib = 96 * 1024;

// However a fetch is answered, from memory or from the disk, it brings one batch at least. These are a record each, and six
// fetches are more than the two sockets take in (4 MiB and 128 KiB): what is left, each connection holds.
constexpr std::size_t record_size_bytes = 1'000'000;
constexpr std::uint32_t fetches = 6;

void fill_topic(const Client& client, const std::string& topic) {
  must(client.ask(CreateTopic{.name = topic}));
  auto appender = must(TopicAppender::open(client, {.topic = topic}));
  const std::string value(record_size_bytes, 'v');
  for (int i = 0; i < 32; ++i) must(appender.post(Record{.value = value}));  // 32 MB
  must(appender.flush());
}

/// Each asks for all of the topic, again and again, and reads nothing.
Connections deaf_connections(const BrokerFixture& broker, const std::string& topic, int count) {
  Connections deaf;
  for (int i = 0; i < count; ++i) {
    deaf.push_back(std::make_unique<RawConnection>(broker.process->port("kafka")));
    for (std::uint32_t fetch = 1; fetch <= fetches; ++fetch) deaf.back()->say(fetch_request(topic, fetch));
  }
  return deaf;
}

}  // namespace

TEST_CASE("a thousand connections that do not read hold no more together than they may, and others are served") {
  constexpr int count = 1'000;
  BrokerFixture broker({"--connection-memory", "64MiB"});
  const Client client = broker.connect();
  fill_topic(client, "t");
  const std::uint64_t before_kib = memory_kib(broker.process->pid());
  const long long alone_us = delivery_p99_us(client);
  const Connections deaf = deaf_connections(broker, "t", count);
  const long long beside_us = delivery_p99_us(client);
  MESSAGE("p99 alone, us: ", alone_us, ", beside ", count, " deaf connections: ", beside_us);
  CHECK(comes_true([&] { return broker.log_lines().find(" is dropped: it holds ") != std::string::npos; }));
  // Without the limit they would hold some MiB each.
  const pid_t pid = broker.process->pid();
  if (!support::is_sanitized) CHECK(peak_memory_kib(pid) < before_kib + budget_kib + beside_budget_kib);
  MESSAGE("memory before, KiB: ", before_kib, ", after: ", memory_kib(pid), ", peak: ", peak_memory_kib(pid));
  CHECK(client.connected());
}

TEST_CASE("large messages that are begun by many and ended by nobody hold no more together than they may") {
  constexpr int count = 500;
  BrokerFixture broker({"--connection-memory", "64MiB"});
  const Client client = broker.connect();
  const std::uint64_t before_kib = memory_kib(broker.process->pid());
  const std::uint32_t size = 16u << 20;
  Connections unfinished;
  for (int i = 0; i < count; ++i) {
    unfinished.push_back(std::make_unique<RawConnection>(broker.process->port("kafka")));
    unfinished.back()->say(big(size) + std::string(1u << 20, 'u'));
  }
  CHECK(comes_true([&] { return broker.log_lines().find(" is dropped: it holds ") != std::string::npos; }));
  MESSAGE("p99 beside them, us: ", delivery_p99_us(client));
  const pid_t pid = broker.process->pid();
  if (!support::is_sanitized) CHECK(peak_memory_kib(pid) < before_kib + budget_kib + beside_budget_kib);
  MESSAGE("memory before, KiB: ", before_kib, ", after: ", memory_kib(pid), ", peak: ", peak_memory_kib(pid));
  CHECK(client.connected());
}

}  // namespace tandem::end_to_end
