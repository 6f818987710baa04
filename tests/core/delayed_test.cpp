// Delayed exchanges: messages that wait before they are routed.
#include "doctest/doctest.h"
#include "tests/support/core_fixture.h"

namespace tandem::core {
namespace {

using Numbers = std::vector<std::uint64_t>;
const Table as_direct{{"x-delayed-type", "direct"}};

Table delay(std::int64_t ms) { return {{"x-delay", Value(ms)}}; }

/// Plays the rim: reads what is due, with its delay marked as done. Gives the numbers of what was due.
Numbers let_go(CoreFixture& f, const std::string& key = "k") {
  Numbers due;
  for (const ReadDelayed& one : f.take<ReadDelayed>()) {
    due.push_back(f.number_of(one.body));
    const MessageView view = f.view_of({.exchange = "later", .key = key, .headers = delay(-1)});
    f.give(DelayedReady{one.queue.value, one.seq, view});
  }
  return due;
}

struct Delayed : CoreFixture {
  explicit Delayed(const BrokerOptions& options = {}) : CoreFixture(options) {
    declare_exchange("later", ExchangeKind::delayed, as_direct);
    declare_queue("q");
    bind("later", "q", "k");
    sends.clear();
  }
  std::uint64_t publish_after(DurationMs ms) { return publish({.exchange = "later", .key = "k", .headers = delay(ms)}); }
};

TEST_CASE("a message waits for its delay and is routed then") {
  Delayed f;
  const auto number = f.publish_after(500);
  CHECK(f.take_one<Confirmed>()->nack == false);
  CHECK(f.queue("q").ready == 0);
  CHECK(f.queue("amq.delayed.later").ready == 1);
  CHECK(f.broker().next_due() == f.now + 500);
  f.tick(499);
  CHECK(f.take<ReadDelayed>().empty());
  f.tick(1);
  CHECK(let_go(f) == Numbers{number});
  CHECK(f.queue("q").ready == 1);
  CHECK(f.queue("amq.delayed.later").ready == 0);
  CHECK(f.queue("amq.delayed.later").unsettled == 0);
}

TEST_CASE("messages leave in the order of their times, not in that of their coming") {
  Delayed f;
  const auto last = f.publish_after(300), early = f.publish_after(100), middle = f.publish_after(200);
  f.tick(150);
  CHECK(let_go(f) == Numbers{early});
  f.tick(1000);
  CHECK(let_go(f) == Numbers{middle, last});
}

TEST_CASE("a message without a delay, or whose delay is over, is routed at once") {
  Delayed f;
  f.publish({.exchange = "later", .key = "k"});
  f.publish({.exchange = "later", .key = "k", .headers = delay(0)});
  f.publish({.exchange = "later", .key = "k", .headers = delay(-700)});
  f.publish({.exchange = "later", .key = "k", .headers = {{"x-delay", "soon"}}});
  f.publish({.exchange = "later", .key = "k", .headers = delay(4'294'967'296)});
  CHECK(f.queue("q").ready == 5);
}

TEST_CASE("what waits is found again after a crash, and is due when it was") {
  Delayed f;
  const auto first = f.publish_after(1000), second = f.publish_after(60'000);
  f.restart(false);
  f.tick(1000);
  CHECK(let_go(f) == Numbers{first});
  f.restart(true);
  f.tick(59'000);
  CHECK(let_go(f) == Numbers{second});
  CHECK(f.queue("q").ready == 2);
}

TEST_CASE("a crash between a message's time and its routing loses nothing") {
  Delayed f;
  const auto number = f.publish_after(10);
  f.tick(10);
  CHECK(f.take<ReadDelayed>().size() == 1);  // the rim reads it, and the broker is killed
  f.restart(false);
  f.tick();
  CHECK(let_go(f) == Numbers{number});
  CHECK(f.queue("q").ready == 1);
}

TEST_CASE("what waits moves home at a checkpoint, and is read back after a restart") {
  BrokerOptions options;
  options.resident_entries_max = 4;
  options.front_entries_min = 2;
  Delayed f(options);
  Numbers all;
  for (int i = 0; i < 20; ++i) all.push_back(f.publish_after(1000 - i));
  f.checkpoint();
  f.restart(false);
  CHECK(f.queue("amq.delayed.later").ready == 20);
  f.tick(1000);
  CHECK(let_go(f) == Numbers(all.rbegin(), all.rend()));
  CHECK(f.queue("q").ready == 20);
  f.checkpoint();
  f.drain("q");
  f.checkpoint();
  f.checkpoint();
  CHECK(f.runs_on_disk() == 0);
}

TEST_CASE("a delayed message can be cancelled, one by one or all of them") {
  Delayed f;
  f.publish_after(100);
  const auto kept = f.publish_after(100);
  f.publish_after(100);
  f.sends.clear();
  f.give(CancelDelayed{f.caller(), "later", 1});
  CHECK(f.take<Ok>().size() == 1);
  f.give(CancelDelayed{f.caller(), "later", 3});
  f.give(CancelDelayed{f.caller(), "later", 3});
  CHECK(f.take_refusal() == ErrorCode::not_found);
  f.restart(false);
  f.tick(100);
  CHECK(let_go(f) == Numbers{kept});
  f.publish_after(100);
  f.give(PurgeQueue{f.caller(), "amq.delayed.later"});
  f.tick(100);
  CHECK(let_go(f).empty());
}

TEST_CASE("only a delayed exchange has something to cancel") {
  Delayed f;
  f.declare_exchange("e", ExchangeKind::fanout);
  f.give(CancelDelayed{f.caller(), "e", 1});
  CHECK(f.take_refusal() == ErrorCode::invalid_argument);
  f.give(CancelDelayed{f.caller(), "nowhere", 1});
  CHECK(f.take_refusal() == ErrorCode::not_found);
}

TEST_CASE("nobody uses a waiting room as a queue") {
  Delayed f;
  const std::string_view room = "amq.delayed.later";
  f.subscribe(room);
  CHECK(f.take_refusal() == ErrorCode::access_refused);
  f.give(Get{f.caller(), room, true});
  CHECK(f.take_refusal() == ErrorCode::access_refused);
  f.bind("amq.fanout", room, "");
  CHECK(f.take_refusal() == ErrorCode::access_refused);
  f.give(DeleteQueue{f.caller(), room});
  CHECK(f.take_refusal() == ErrorCode::access_refused);
  f.publish(std::string(room));
  CHECK(f.queue(room).ready == 0);
}

TEST_CASE("a waiting room can be looked into") {
  Delayed f;
  const auto number = f.publish_after(100);
  f.give(Peek{f.caller(), "amq.delayed.later", 0, 10});
  const auto peeked = f.take_one<Peeked>();
  REQUIRE(peeked);
  REQUIRE(peeked->entries.size() == 1);
  CHECK(f.number_of(peeked->entries[0].body) == number);
  CHECK(peeked->entries[0].expires_at == f.now + 100);
}

TEST_CASE("what waits goes with its exchange") {
  Delayed f;
  f.publish_after(100);
  f.give(DeleteExchange{f.caller(), "later"});
  CHECK(f.queue("amq.delayed.later").queue.name.empty());
  f.tick(100);
  CHECK(f.take<ReadDelayed>().empty());
}

TEST_CASE("a delayed exchange routes as its x-delayed-type says, also what comes from another exchange") {
  CoreFixture f;
  f.declare_exchange("later", ExchangeKind::delayed, {{"x-delayed-type", "topic"}});
  f.declare_exchange("in", ExchangeKind::fanout);
  f.bind_exchange("in", "later", "");
  f.declare_queue("q");
  f.bind("later", "q", "a.*");
  f.publish({.exchange = "in", .key = "a.b", .headers = delay(10)});
  CHECK(f.queue("q").ready == 0);
  f.tick(10);
  CHECK(let_go(f, "a.b").size() == 1);
  CHECK(f.queue("q").ready == 1);
}

TEST_CASE("a delayed exchange needs the type it routes by") {
  CoreFixture f;
  f.declare_exchange("a", ExchangeKind::delayed);
  CHECK(f.take_refusal() == ErrorCode::invalid_argument);
  f.declare_exchange("a", ExchangeKind::delayed, {{"x-delayed-type", "x-delayed-message"}});
  CHECK(f.take_refusal() == ErrorCode::invalid_argument);
  f.declare_exchange(std::string(250, 'a'), ExchangeKind::delayed, as_direct);
  CHECK(f.take_refusal() == ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace tandem::core
