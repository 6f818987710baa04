// The metrics face between a scripted core and a scraper's bytes.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "broker/wire/metrics/exposition.h"
#include "broker/wire/metrics/metrics_face.h"

namespace tandem::wire::metrics {
namespace {

class Port final : public BrokerPort {
 public:
  TimestampMs now() const override { return now_ms; }
  BodyHandle stage(std::initializer_list<Bytes>) override { return {}; }
  void submit(const core::Input& input) override {
    if (const auto* opened = std::get_if<core::ConnectionOpened>(&input)) opened_as.emplace_back(opened->face);
    if (const auto* asked = std::get_if<core::Describe>(&input)) {
      described.who = asked->who;
      described.subject = asked->subject;
      if (answers) face->send(described, {});
    }
  }
  std::string random_name(std::size_t size) override { return std::string(size, 'r'); }
  std::string_view fact(std::string_view name) const override {
    if (name == "version") return "9.9";
    return name == "uptime_ms" ? "61500" : name == "rss_bytes" ? "1048576" : "";
  }

  TimestampMs now_ms = 1'000;
  bool answers = true;
  core::Described described;
  std::vector<std::string> opened_as;
  Face* face = nullptr;
};

struct Scrape {
  Scrape() { port.face = face.get(); }
  std::size_t receive(std::string_view bytes) { return face->receive(bytes_of(bytes)); }
  std::string said() {
    std::vector<Bytes> pieces;
    std::string text;
    face->outbox().gather(pieces, 1'000);
    for (const Bytes piece : pieces) text += text_of(piece);
    face->outbox().consume(face->outbox().size_bytes());
    return text;
  }
  std::string get(std::string_view path) {
    const std::string request = "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n";
    CHECK(receive(request) == request.size());
    return said();
  }

  Port port;
  std::unique_ptr<Face> face = make_metrics_face({ConnectionId{3}, &port, "127.0.0.1:5", true});
};

bool has(const std::string& text, std::string_view line) {
  return text.find(line) != std::string::npos;
}

/// What is behind the head, whose Content-Length must be its size.
std::string body_of(const std::string& said) {
  const std::size_t end = said.find("\r\n\r\n");
  REQUIRE(end != std::string::npos);
  const std::string body = said.substr(end + 4);
  CHECK(has(said, "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n"));
  return body;
}

}  // namespace

TEST_CASE("the page is the broker's counts and the facts of its process") {
  Scrape scrape;
  scrape.port.described.broker.ready = 7;
  scrape.port.described.broker.published = 123;
  scrape.port.described.broker.disk_alarm = true;
  const std::string said = scrape.get("/metrics");
  CHECK(said.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  const std::string page = body_of(said);
  CHECK(has(page, "tandem_build_info{version=\"9.9\"} 1\n"));
  CHECK(has(page, "tandem_uptime_seconds 61\n"));
  CHECK(has(page, "process_resident_memory_bytes 1048576\n"));
  CHECK(has(page, "# TYPE tandem_messages_ready gauge\ntandem_messages_ready 7\n"));
  CHECK(has(page, "# TYPE tandem_published_total counter\ntandem_published_total 123\n"));
  CHECK(has(page, "tandem_disk_alarm 1\n"));
  CHECK_FALSE(has(page, "tandem_journal_bytes"));  // the store is not open yet
  CHECK(page.back() == '\n');
  CHECK(scrape.port.opened_as == std::vector<std::string>{"metrics"});
  CHECK_FALSE(scrape.face->closing());
  CHECK(body_of(scrape.get("/metrics")) == page);
  CHECK(scrape.port.opened_as.size() == 1);
}

TEST_CASE("each queue, partition and committed offset has a line of its own, with its name as it is") {
  Scrape scrape;
  core::QueueInfo queue;
  queue.queue.name = "a\"b\\c\nd";
  queue.ready = 5;
  queue.acked = 9;
  scrape.port.described.queues = {queue};
  core::TopicInfo topic;
  topic.topic.name = "t";
  topic.partitions = {{.index = 1, .start = 2, .end = 30, .size_bytes = 400}};
  scrape.port.described.topics = {topic};
  core::GroupInfo group;
  group.name = "g";
  group.members.resize(2);
  group.offsets = {{.topic = "t", .partition = 1, .committed = 10, .end = 30}, {.topic = "t", .partition = 2, .committed = -1, .end = 4}};
  scrape.port.described.groups = {group};
  const std::string page = body_of(scrape.get("/metrics/per-object?x=y"));
  CHECK(has(page, "tandem_queue_messages_ready{queue=\"a\\\"b\\\\c\\nd\"} 5\n"));
  CHECK(has(page, "tandem_queue_acked_total{queue=\"a\\\"b\\\\c\\nd\"} 9\n"));
  CHECK(has(page, "tandem_partition_end_offset{topic=\"t\",partition=\"1\"} 30\n"));
  CHECK(has(page, "tandem_partition_bytes{topic=\"t\",partition=\"1\"} 400\n"));
  CHECK(has(page, "tandem_group_members{group=\"g\"} 2\n"));
  CHECK(has(page, "tandem_group_lag{group=\"g\",topic=\"t\",partition=\"1\"} 20\n"));
  CHECK_FALSE(has(page, "topic=\"t\",partition=\"2\"}"));  // what is below 0 is none
}

TEST_CASE("more objects than one page may have are refused, and the sums are still there") {
  Scrape scrape;
  scrape.port.described.queues.resize(objects_max + 1);
  const std::string refused = scrape.get("/metrics/per-object");
  CHECK(refused.starts_with("HTTP/1.1 503 "));
  CHECK(has(body_of(refused), "10000 queues"));
  CHECK(scrape.get("/metrics").starts_with("HTTP/1.1 200 "));
}

TEST_CASE("a request may come in any pieces, and several at once") {
  const std::string requests =
      "GET /metrics HTTP/1.1\r\n\r\nHEAD /metrics HTTP/1.1\r\nhost: y\r\n\r\nGET /metrics HTTP/1.0\r\n\r\n";
  std::string whole;
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, requests.size()}) {
    Scrape scrape;
    std::string waiting, said;
    for (std::size_t at = 0; at < requests.size(); at += piece) {
      waiting += requests.substr(at, piece);
      waiting.erase(0, scrape.receive(waiting));
      said += scrape.said();
    }
    CHECK(waiting.empty());
    CHECK(scrape.face->closing());  // HTTP/1.0
    if (whole.empty()) whole = said;
    CHECK(said == whole);
  }
  std::size_t answers = 0, pages = 0;
  for (std::size_t at = 0; (at = whole.find("HTTP/1.1 200", at)) != std::string::npos; ++at) ++answers;
  for (std::size_t at = 0; (at = whole.find("tandem_uptime_seconds 61", at)) != std::string::npos; ++at) ++pages;
  CHECK(answers == 3);
  CHECK(pages == 2);
}

TEST_CASE("while the core has not answered nothing more is read") {
  Scrape scrape;
  scrape.port.answers = false;
  const std::string request = "GET /metrics HTTP/1.1\r\n\r\n";
  CHECK(scrape.receive(request + request) == request.size());
  CHECK_FALSE(scrape.face->reading());
  CHECK(scrape.said().empty());
  scrape.face->tick(scrape.port.now_ms + 10 * MetricsFace::idle_max_ms);
  CHECK_FALSE(scrape.face->closing());
  core::Described stale = scrape.port.described;
  stale.who.request += 1;
  scrape.face->send(stale, {});
  CHECK(scrape.said().empty());
  scrape.face->send(scrape.port.described, {});
  CHECK(scrape.said().starts_with("HTTP/1.1 200 "));
  CHECK(scrape.face->reading());
}

TEST_CASE("what is no request for a page is told so") {
  const auto answer_to = [](const std::string& request, bool ends = true) {
    Scrape scrape;
    scrape.receive(request);
    CHECK(scrape.face->closing() == ends);
    const std::string said = scrape.said();
    return said.substr(0, said.find("\r\n"));
  };
  CHECK(answer_to("GET / HTTP/1.1\r\n\r\n", false) == "HTTP/1.1 404 Not Found");
  CHECK(answer_to("GET /metrics HTTP/1.1\r\nConnection: Keep-Alive, CLOSE\r\n\r\n") == "HTTP/1.1 200 OK");
  CHECK(answer_to("POST /metrics HTTP/1.1\r\n\r\n") == "HTTP/1.1 405 Method Not Allowed");
  CHECK(answer_to("GET /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\n") == "HTTP/1.1 413 Content Too Large");
  CHECK(answer_to("GET /metrics HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n") == "HTTP/1.1 413 Content Too Large");
  CHECK(answer_to("GET metrics HTTP/1.1\r\n\r\n") == "HTTP/1.1 400 Bad Request");
  CHECK(answer_to("GET /metrics\r\n\r\n") == "HTTP/1.1 400 Bad Request");
  CHECK(answer_to("\r\n\r\n") == "HTTP/1.1 400 Bad Request");
  CHECK(answer_to("AMQP" + std::string(5'000, 'x')) == "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST_CASE("who asks for nothing is not kept") {
  Scrape scrape;
  scrape.face->tick(scrape.port.now_ms + MetricsFace::first_request_max_ms - 1);
  CHECK_FALSE(scrape.face->closing());
  scrape.get("/metrics");
  scrape.face->tick(scrape.port.now_ms + MetricsFace::idle_max_ms - 1);
  CHECK_FALSE(scrape.face->closing());
  scrape.face->tick(scrape.port.now_ms + MetricsFace::idle_max_ms);
  CHECK(scrape.face->closing());
}

}  // namespace tandem::wire::metrics
