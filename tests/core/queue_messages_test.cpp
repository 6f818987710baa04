// Messages through a queue: publish, deliver, settle, requeue, get, peek, purge.
#include "doctest/doctest.h"
#include "tests/support/core_fixture.h"

namespace tandem::core {
namespace {

using Numbers = std::vector<std::uint64_t>;

TEST_CASE("a message goes from publisher to consumer and is gone once it is acked") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q");
  const auto number = f.publish("q");
  const auto delivered = f.take_one<Deliver>();
  REQUIRE(delivered);
  CHECK(f.number_of(delivered->body) == number);
  CHECK(delivered->deliveries == 0);
  CHECK(delivered->tag == 1);
  CHECK(f.queue("q").unsettled == 1);
  f.settle(1, 1);
  CHECK(f.queue("q").unsettled == 0);
  CHECK(f.queue("q").acked == 1);
  CHECK(f.drain("q").empty());
}

TEST_CASE("nothing is confirmed or delivered before its turn is on disk") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q");
  f.persists = false;
  f.sends.clear();
  f.publish("q");
  CHECK(f.sends.empty());
  f.persist();
  CHECK(f.take<Confirmed>().size() == 1);
  CHECK(f.take<Deliver>().size() == 1);
}

TEST_CASE("publishes that come together share a turn, and each has its own answer") {
  CoreFixture f;
  f.declare_queue("q");
  f.declare_queue("small", {{"x-max-length", Value(1)}, {"x-overflow", Value("reject-publish")}});
  f.persists = false;
  f.sends.clear();
  const std::size_t records_before = f.records.size();
  const TestMessage to_q{"", "q"}, to_small{"", "small"}, to_nobody{"", "nobody"}, to_nowhere{"nowhere", "q"};
  std::vector<PublishMany::One> many;
  std::uint64_t seq = 0;
  for (const auto* message : {&to_q, &to_q, &to_small, &to_small, &to_nobody, &to_nowhere, &to_q}) {
    ++seq;
    many.push_back({100 + seq, seq, message == &to_nobody, f.view_of(*message)});
    many.back().message.exchange = message->exchange;  // the fixture's own go with the next view
    many.back().message.routing_key = message->key;
  }
  f.give(PublishMany{f.caller(), many});
  CHECK(f.sends.empty());
  CHECK(f.records.size() - records_before == 4);
  f.persist();
  REQUIRE(f.sends.size() == 6);
  const auto confirmed = [&f](std::size_t at, std::uint64_t first, std::uint64_t last, bool nack) {
    const auto* said = std::get_if<Confirmed>(&f.sends[at]);
    REQUIRE(said);
    CHECK(said->first == first);
    CHECK(said->last == last);
    CHECK(said->nack == nack);
  };
  confirmed(0, 1, 3, false);
  confirmed(1, 4, 4, true);
  CHECK(std::get<Returned>(f.sends[2]).confirm_seq == 5);
  confirmed(3, 5, 5, false);
  CHECK(get_if<Refused>(&f.sends[4])->who.request == 106);
  confirmed(5, 7, 7, false);
  f.sends.clear();
  f.restart(false);
  CHECK(f.queue("q").ready == 3);
  CHECK(f.queue("small").ready == 1);
}

TEST_CASE("a transient message waits for nothing") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q");
  f.persists = false;
  f.sends.clear();
  f.publish({.key = "q", .persistent = false});
  CHECK(f.take<Confirmed>().size() == 1);
  CHECK(f.take<Deliver>().size() == 1);
  f.settle(1, 1);
}

TEST_CASE("a transient message keeps its place behind a persistent one") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q");
  f.persists = false;
  f.sends.clear();
  const auto first = f.publish("q");
  const auto second = f.publish({.key = "q", .persistent = false});
  CHECK(f.take<Deliver>().empty());
  f.persist();
  CHECK(f.take_delivered() == Numbers{first, second});
}

TEST_CASE("confirms that follow each other become one range") {
  CoreFixture f;
  f.declare_queue("q");
  f.persists = false;
  for (int i = 0; i < 5; ++i) f.publish("q");
  f.persist();
  const auto confirmed = f.take<Confirmed>();
  REQUIRE(confirmed.size() == 1);
  CHECK(confirmed[0].first == 1);
  CHECK(confirmed[0].last == 5);
}

TEST_CASE("an early answer does not overtake a confirm of its channel") {
  CoreFixture f;
  f.declare_queue("q");
  f.persists = false;
  f.sends.clear();
  f.publish("q");
  f.give(SetChannelPrefetch{f.caller(), 10});
  f.give(SetChannelPrefetch{f.caller(2), 10});
  REQUIRE(f.sends.size() == 1);
  CHECK(recipient(f.sends[0]) == ConnectionId(2));
  f.persist();
  REQUIRE(f.sends.size() == 3);
  CHECK(std::holds_alternative<Confirmed>(f.sends[1]));
  CHECK(std::holds_alternative<Ok>(f.sends[2]));
}

TEST_CASE("prefetch holds deliveries back until something is settled") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q", 1, 2);
  Numbers sent;
  for (int i = 0; i < 5; ++i) sent.push_back(f.publish("q"));
  CHECK(f.take_delivered() == Numbers{sent[0], sent[1]});
  f.settle(1, 1);
  CHECK(f.take_delivered() == Numbers{sent[2]});
  f.give(SetConsumerPrefetch{f.caller(), 1, 3});
  CHECK(f.take_delivered() == Numbers{sent[3]});
}

TEST_CASE("the channel's prefetch counts all its consumers together") {
  CoreFixture f;
  f.declare_queue("a");
  f.declare_queue("b");
  f.give(SetChannelPrefetch{f.caller(), 2});
  f.subscribe("a", 1);
  f.subscribe("b", 2);
  for (int i = 0; i < 3; ++i) {
    f.publish("a");
    f.publish("b");
  }
  CHECK(f.take<Deliver>().size() == 2);
  f.settle(1, 2);
  CHECK(f.take<Deliver>().size() == 2);
}

TEST_CASE("consumers that share their channel's prefetch take turns, on one queue and on several") {
  CoreFixture f;
  f.give(SetChannelPrefetch{f.caller(), 1});
  for (const bool one_queue : {true, false}) {
    const std::string second = one_queue ? "a" : "b";
    f.declare_queue("a");
    f.declare_queue("b");
    f.subscribe("a", 1);
    f.subscribe(second, 2);
    for (int i = 0; i < 4; ++i) f.publish("a"), f.publish("b");
    Numbers consumers;
    for (int i = 0; i < 4; ++i) {
      const auto delivered = f.take_one<Deliver>();
      REQUIRE(delivered);
      consumers.push_back(delivered->consumer);
      f.settle(delivered->tag, delivered->tag);
    }
    CHECK(std::ranges::count(consumers, 1u) == 2);
    for (const std::uint64_t number : {1u, 2u}) f.give(Unsubscribe{f.caller(), number});
    f.give(Recover{f.caller()});
    f.give(PurgeQueue{f.caller(), "a"});
    f.give(PurgeQueue{f.caller(), "b"});
    f.sends.clear();
  }
}

TEST_CASE("a consumer without acks waits too while its channel's prefetch is used up") {
  CoreFixture f;
  f.declare_queue("a");
  f.declare_queue("b");
  f.give(SetChannelPrefetch{f.caller(), 1});
  f.subscribe("a", 1);
  f.publish("a");
  f.subscribe("b", 2, 0, true);
  f.take<Deliver>();
  f.publish("b");
  CHECK(f.take<Deliver>().empty());
  f.settle(1, 1);
  const auto delivered = f.take_one<Deliver>();
  REQUIRE(delivered);
  CHECK(delivered->consumer == 2);
}

TEST_CASE("recover leaves alone what the client claims") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q", 1, 10);
  for (int i = 0; i < 5; ++i) f.publish("q");
  f.give(Unsubscribe{f.caller(), 1});
  const DeliveryTag claimed[] = {4};
  f.give(Recover{f.caller(), 2, claimed});
  CHECK(f.queue("q").ready == 2);
  CHECK(f.queue("q").unsettled == 3);
  CHECK(f.broker().holds(f.caller().channel, 4));
  CHECK_FALSE(f.broker().holds(f.caller().channel, 3));
  CHECK_FALSE(f.broker().holds(f.caller().channel, 9));
  CHECK_FALSE(f.broker().holds(f.caller(7).channel, 1));
}

TEST_CASE("consumers of one priority take turns, and those of higher priority come first") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q", 1, 10);
  f.subscribe("q", 2, 10);
  f.subscribe("q", 3, 2, false, CoreFixture::caller(), 5);
  for (int i = 0; i < 6; ++i) f.publish("q");
  Numbers consumers;
  for (const auto& deliver : f.take<Deliver>()) consumers.push_back(deliver.consumer);
  CHECK(consumers == Numbers{3, 3, 1, 2, 1, 2});
}

TEST_CASE("a requeued message comes back first and says that it was delivered") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q", 1, 1);
  const auto first = f.publish("q");
  const auto second = f.publish("q");
  f.sends.clear();
  f.settle(1, 1, Outcome::requeue);
  const auto again = f.take_one<Deliver>();
  REQUIRE(again);
  CHECK(f.number_of(again->body) == first);
  CHECK(again->deliveries == 1);
  CHECK(again->tag == 2);
  f.settle(2, 2);
  CHECK(f.take_delivered() == Numbers{second});
}

TEST_CASE("a rejected message without dead-letter exchange is dropped") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q");
  f.publish("q");
  f.settle(1, 1, Outcome::reject);
  CHECK(f.queue("q").unsettled == 0);
  CHECK(f.drain("q").empty());
}

TEST_CASE("acks of one settle become one removal") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q");
  for (int i = 0; i < 4; ++i) f.publish("q");
  f.records.clear();
  f.give(Settle{f.caller(), 0, 4, true, Outcome::ack, true});
  REQUIRE(f.records.size() == 1);
  CHECK(std::get<Removed>(f.records[0]).seqs == SeqRange{1, 4});
  CHECK(f.take<Ok>().size() == 2);  // of the subscription and of the settle
}

TEST_CASE("a tag that is not outstanding is refused, and nothing is settled") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q");
  f.publish("q");
  f.publish("q");
  f.settle(2, 3);
  CHECK(f.take_refusal() == ErrorCode::unknown_delivery);
  CHECK(f.queue("q").unsettled == 2);
  f.settle(1, 2);
  f.settle(1, 1);
  CHECK(f.take_refusal() == ErrorCode::unknown_delivery);
  f.give(Settle{f.caller(), 0, 9, true, Outcome::ack, false});
  CHECK(f.take_refusal() == ErrorCode::unknown_delivery);
  f.give(Settle{f.caller(), 0, 0, true, Outcome::ack, false});
  CHECK(f.take_refusal() == ErrorCode::none);
}

TEST_CASE("a closed channel gives its messages back, in order, marked as delivered") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q", 1, 0, false, f.caller(2));
  Numbers sent;
  for (int i = 0; i < 3; ++i) sent.push_back(f.publish("q"));
  f.sends.clear();
  f.give(ChannelClosed{f.caller(2)});
  CHECK(f.queue("q").ready == 3);
  f.subscribe("q", 1, 0, false, f.caller(3));
  const auto again = f.take<Deliver>();
  REQUIRE(again.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(f.number_of(again[i].body) == sent[i]);
    CHECK(again[i].deliveries == 1);
  }
}

TEST_CASE("a connection that does not take bytes gets nothing until it does") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q");
  f.give(ConnectionWritable{ConnectionId(1), false});
  const auto number = f.publish("q");
  CHECK(f.take<Deliver>().empty());
  f.give(ConnectionWritable{ConnectionId(1), true});
  CHECK(f.take_delivered() == Numbers{number});
}

TEST_CASE("a consumer without acks empties the queue") {
  CoreFixture f;
  f.declare_queue("q");
  for (int i = 0; i < 3; ++i) f.publish("q");
  f.subscribe("q", 1, 1, true);
  CHECK(f.take<Deliver>().size() == 3);
  CHECK(f.queue("q").ready == 0);
  CHECK(f.queue("q").unsettled == 0);
}

TEST_CASE("get takes the oldest message, and tells how many are left") {
  CoreFixture f;
  f.declare_queue("q");
  const auto first = f.publish("q");
  f.publish("q");
  f.give(Get{f.caller(), "q", false});
  const auto got = f.take_one<GotMessage>();
  REQUIRE(got);
  CHECK(f.number_of(got->body) == first);
  CHECK(got->ready == 1);
  f.settle(got->tag, got->tag, Outcome::requeue);
  CHECK(f.drain("q").size() == 2);
  f.give(Get{f.caller(), "q", false});
  CHECK(f.take<GotNothing>().size() == 1);
}

TEST_CASE("get waits for a message that is on its way to disk, and later answers wait behind it") {
  CoreFixture f;
  f.declare_queue("q");
  f.persists = false;
  f.sends.clear();
  f.publish("q");
  f.give(Get{f.caller(), "q", false});
  f.give(SetChannelPrefetch{f.caller(), 1});
  CHECK(f.sends.empty());
  f.persist();
  REQUIRE(f.sends.size() == 3);
  CHECK(std::holds_alternative<Confirmed>(f.sends[0]));
  CHECK(std::holds_alternative<GotMessage>(f.sends[1]));
  CHECK(std::holds_alternative<Ok>(f.sends[2]));
}

TEST_CASE("peek shows messages and takes none") {
  CoreFixture f;
  f.declare_queue("q");
  Numbers sent;
  for (int i = 0; i < 4; ++i) sent.push_back(f.publish("q"));
  f.give(Peek{f.caller(), "q", 1, 2});
  const auto peeked = f.take_one<Peeked>();
  REQUIRE(peeked);
  REQUIRE(peeked->entries.size() == 2);
  CHECK(f.number_of(peeked->entries[0].body) == sent[1]);
  CHECK(f.drain("q") == sent);
}

TEST_CASE("purge removes what is ready and leaves what is delivered") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q", 1, 1);
  const auto first = f.publish("q");
  f.publish("q");
  f.publish("q");
  f.sends.clear();
  f.give(PurgeQueue{f.caller(), "q"});
  const auto purged = f.take_one<QueueOk>();
  REQUIRE(purged);
  CHECK(purged->ready == 2);
  f.settle(1, 1, Outcome::requeue);
  CHECK(f.take_delivered() == Numbers{first});
}

TEST_CASE("cancelling a consumer leaves what it holds to its channel") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q", 7);
  f.publish("q");
  f.give(Unsubscribe{f.caller(), 7});
  f.publish("q");
  CHECK(f.take<Deliver>().size() == 1);
  f.settle(1, 1);
  CHECK(f.queue("q").ready == 1);
  CHECK(f.queue("q").unsettled == 0);
}

TEST_CASE("what a call may deliver is bounded, and the rest follows") {
  BrokerOptions options;
  options.deliveries_per_call_max = 3;
  CoreFixture f(options);
  f.declare_queue("q");
  for (int i = 0; i < 10; ++i) f.publish("q");
  f.persists = false;
  f.subscribe("q", 1, 0, true);
  f.persist();
  CHECK(f.take<Deliver>().size() == 10);
}

}  // namespace
TEST_CASE("a queue whose front is on disk goes on when its consumer's connection was full for a while") {
  BrokerOptions options;
  options.deliveries_per_call_max = 1;  // so that a queue may wait for its turn
  CoreFixture f(options);
  f.declare_queue("cold");
  for (int i = 0; i < 4; ++i) f.publish("cold");
  f.checkpoint();
  f.restart(true);
  f.declare_queue("busy");
  for (int i = 0; i < 4; ++i) f.publish(TestMessage{"", "busy", false});

  f.persists = false;
  f.subscribe("busy", 1);
  f.subscribe("cold", 2);  // lined up; "busy" has the turn
  f.give(ConnectionWritable{ConnectionId(1), false});
  f.give(ConnectionWritable{ConnectionId(1), true});
  f.persists = true;
  f.tick();
  CHECK(f.take_delivered().size() == 8);
}

}  // namespace tandem::core
