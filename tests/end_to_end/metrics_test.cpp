// What a scraper gets of a real broker.
#include "tests/end_to_end/broker_fixture.h"
#include "tests/end_to_end/raw_connection.h"

namespace tandem::end_to_end {
namespace {

std::string get(std::uint16_t port, const std::string& path) {
  RawConnection scraper(port);
  scraper.say("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  return scraper.read_to_end().value();
}

bool has(const std::string& text, const std::string& line) {
  return text.find(line) != std::string::npos;
}

}  // namespace

TEST_CASE("a scraper reads the broker's counts, and those of each queue, partition and group") {
  BrokerFixture broker({"--metrics-port", "0"});
  const std::uint16_t port = broker.process->port("metrics");
  REQUIRE(port != 0);
  const Client client = broker.connect();
  must(client.ask(DeclareQueue{.name = "jobs"}));
  must(client.ask(CreateTopic{.name = "events", .partitions = 2}));
  auto publisher = must(Publisher::open(client));
  for (int i = 0; i < 3; ++i) must(publisher.post(Message{.routing_key = "jobs", .body = "work"}));
  must(publisher.flush());

  const std::string overview = get(port, "/metrics");
  CHECK(overview.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(has(overview, "\ntandem_queues 1\n"));
  CHECK(has(overview, "\ntandem_partitions 2\n"));
  CHECK(has(overview, "\ntandem_messages_ready 3\n"));
  CHECK(has(overview, "\ntandem_published_total 3\n"));
  CHECK(has(overview, "\ntandem_connections 2\n"));  // this client and the scraper
  CHECK(has(overview, "\ntandem_journal_bytes "));
  const std::string objects = get(port, "/metrics/per-object");
  CHECK(has(objects, "\ntandem_queue_messages_ready{queue=\"jobs\"} 3\n"));
  CHECK(has(objects, "\ntandem_partition_end_offset{topic=\"events\",partition=\"1\"} 0\n"));
  CHECK(get(port, "/").starts_with("HTTP/1.1 404 "));

  broker.kill_and_restart();
  const std::string again = get(broker.process->port("metrics"), "/metrics");
  CHECK(has(again, "\ntandem_messages_ready 3\n"));
  CHECK(has(again, "\ntandem_published_total 0\n"));
}

TEST_CASE("nobody scrapes a broker that was not told to allow it") {
  BrokerFixture broker;
  CHECK(broker.process->port("metrics") == 0);
}

}  // namespace tandem::end_to_end
