#include "broker/server/send_line.h"

#include <doctest/doctest.h>

#include "tests/server/fake_store.h"

namespace tandem::server {

namespace {

core::Send deliver(std::uint64_t handle, std::uint32_t size = 5) {
  core::Deliver send;
  send.tag = handle;
  send.body = BodyHandle{handle};
  send.size_bytes = size;
  return send;
}

struct Line {
  FakeStore store;
  SendLine line;
  SendLine::StartRead start_read = [this](const BodyPlace& place, SendLine::Ticket ticket) {
    store.read(place.body, place.size_bytes,
               [this, ticket](Result<storage::StoredBytes> bytes) { line.found(ticket, std::move(bytes)); });
  };
  void look_up() { line.look_up(store, start_read); }
  std::string pop() {
    const auto front = line.pop();
    return std::string(text_of(front.bodies.at(0).bytes));
  }
};

}  // namespace

TEST_CASE("a send whose bytes are resident is ready at once") {
  Line t;
  t.store.add(1, "hello", true);
  t.line.push(deliver(1));
  t.look_up();
  REQUIRE(t.line.ready());
  CHECK(t.pop() == "hello");
  CHECK(t.line.empty());
  CHECK(t.line.size_bytes() == 0);
}

TEST_CASE("sends keep their order although reads are answered out of order") {
  Line t;
  t.store.add(1, "first", false);
  t.store.add(2, "secnd", true);
  t.line.push(deliver(1));
  t.line.push(deliver(2));
  t.look_up();
  CHECK_FALSE(t.line.ready());
  t.store.answer_read();
  REQUIRE(t.line.ready());
  CHECK(t.pop() == "first");
  REQUIRE(t.line.ready());
  CHECK(t.pop() == "secnd");
}

TEST_CASE("a read that is answered at once is as good as a late one") {
  Line t;
  t.store.answer_at_once = true;
  t.store.add(1, "first", false);
  t.line.push(deliver(1));
  t.look_up();
  REQUIRE(t.line.ready());
  CHECK(t.pop() == "first");
}

TEST_CASE("bytes that cannot be read arrive as an error") {
  Line t;
  t.line.push(deliver(9));
  t.look_up();
  t.store.answer_read();
  REQUIRE(t.line.ready());
  CHECK(t.line.pop().bodies.at(0).error == ErrorCode::corrupt);
}

TEST_CASE("only the front of a long line is looked up") {
  Line t;
  constexpr std::uint32_t size = 100'000;
  for (std::uint64_t i = 1; i <= 100; ++i) t.line.push(deliver(i, size));
  CHECK(t.line.size_bytes() == 100 * size);
  t.look_up();
  CHECK(t.store.reads.size() == SendLine::ahead_max_bytes / size + 1);
}

TEST_CASE("a message larger than the look-ahead is read alone") {
  Line t;
  t.line.push(deliver(1, 8u << 20));
  t.line.push(deliver(2, 8u << 20));
  t.look_up();
  CHECK(t.store.reads.size() == 1);
}

TEST_CASE("an answer for a line that was cleared is ignored") {
  Line t;
  t.store.add(1, "first", false);
  t.store.add(2, "secnd", true);
  t.line.push(deliver(1));
  t.look_up();
  t.line.clear();
  t.line.push(deliver(2));
  t.store.answer_read();
  t.look_up();
  REQUIRE(t.line.ready());
  CHECK(t.pop() == "secnd");
}

TEST_CASE("a peek is ready when all of its messages are there") {
  Line t;
  t.store.add(1, "one", false);
  t.store.add(2, "two", true);
  t.store.add(3, "six", false);
  core::Peeked peeked;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    core::QueueEntry entry;
    entry.body = BodyHandle{i};
    entry.size_bytes = 3;
    peeked.entries.push_back(entry);
  }
  t.line.push(peeked);
  t.look_up();
  t.store.answer_read();
  CHECK_FALSE(t.line.ready());
  t.store.answer_read();
  REQUIRE(t.line.ready());
  const auto front = t.line.pop();
  REQUIRE(front.bodies.size() == 3);
  CHECK(text_of(front.bodies[0].bytes) == "one");
  CHECK(text_of(front.bodies[2].bytes) == "six");
}

TEST_CASE("a send without bytes keeps its place behind one that waits") {
  Line t;
  t.store.add(1, "first", false);
  t.line.push(deliver(1));
  t.line.push(core::ConsumerCancelled{});
  t.look_up();
  t.store.answer_read();
  REQUIRE(t.line.ready());
  CHECK(std::holds_alternative<core::Deliver>(t.line.pop().send));
  REQUIRE(t.line.ready());
  CHECK(std::holds_alternative<core::ConsumerCancelled>(t.line.pop().send));
}

}  // namespace tandem::server
