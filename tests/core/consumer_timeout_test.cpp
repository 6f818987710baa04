// Deliveries that are held for too long, and messages that come back too often.
#include "broker/base/limits.h"
#include "doctest/doctest.h"
#include "tests/support/core_fixture.h"

namespace tandem::core {
namespace {

using Numbers = std::vector<std::uint64_t>;
const Caller other_caller = CoreFixture::caller(2, 1);

/// A timeout is noticed a sixteenth late at most.
constexpr DurationMs held_max = 1600, noticed_by = 1700;

TEST_CASE("a delivery that is held for too long goes to another consumer, and its channel stays open") {
  CoreFixture f;
  f.declare_queue("q", {{"x-consumer-timeout", held_max}});
  f.subscribe("q", 1, 1);
  const auto number = f.publish("q");
  CHECK(f.take_delivered() == Numbers{number});
  f.subscribe("q", 1, 1, false, other_caller);
  f.tick(held_max - 1);
  CHECK(f.take_delivered().empty());
  f.tick(noticed_by - held_max);
  const auto again = f.take<Deliver>();
  REQUIRE(again.size() == 1);
  CHECK(again[0].channel == other_caller.channel);
  CHECK(again[0].deliveries == 1);
  CHECK(f.take_refusal() == ErrorCode::none);
}

TEST_CASE("who held it is given nothing more until it settles, and then its settling does nothing else") {
  CoreFixture f;
  f.declare_queue("q", {{"x-consumer-timeout", held_max}});
  f.subscribe("q", 1, 1);
  const auto first = f.publish("q"), second = f.publish("q");
  CHECK(f.take_delivered() == Numbers{first});
  f.tick(noticed_by);
  CHECK(f.take_delivered().empty());
  CHECK(f.queue("q").ready == 2);
  CHECK(f.queue("q").unsettled == 0);
  f.settle(1, 1);
  CHECK(f.take_refusal() == ErrorCode::none);
  CHECK(f.take_delivered() == Numbers{first});  // again, since nobody else took it
  CHECK(f.queue("q").ready == 1);
  f.settle(2, 2);
  CHECK(f.take_delivered() == Numbers{second});
}

TEST_CASE("when nobody said how long, it is half an hour; 0 is for ever") {
  constexpr DurationMs half_an_hour = 30 * 60 * 1'000;
  CoreFixture f;
  f.declare_queue("q");
  f.declare_queue("for ever", {{"x-consumer-timeout", 0}});
  f.subscribe("q", 1, 1);
  f.subscribe("for ever", 2, 1);
  const Table patient{{"x-consumer-timeout", 0}};
  f.declare_queue("patient");
  f.give(Subscribe{CoreFixture::caller(), 3, "patient", false, false, 1, 0, &patient});
  f.publish("q"), f.publish("for ever"), f.publish("patient");
  f.tick(half_an_hour - 1);
  CHECK(f.queue("q").unsettled == 1);
  f.tick(half_an_hour / 16 + 1);
  CHECK(f.queue("q").unsettled == 0);
  CHECK(f.queue("q").ready == 1);
  f.tick(10 * half_an_hour);
  CHECK(f.queue("for ever").unsettled == 1);
  CHECK(f.queue("patient").unsettled == 1);
}

TEST_CASE("a channel that closes hands back only what it still holds") {
  CoreFixture f;
  f.declare_queue("q", {{"x-consumer-timeout", held_max}});
  f.subscribe("q", 1, 2);
  f.publish("q");
  f.tick(held_max / 2);
  f.publish("q");
  f.tick(held_max / 2 + 150);
  CHECK(f.queue("q").ready == 1);
  f.give(ChannelClosed{CoreFixture::caller()});
  CHECK(f.queue("q").ready == 2);
  CHECK(f.drain("q").size() == 2);
}

TEST_CASE("a consumer may have a timeout of its own, and a policy may give one") {
  CoreFixture f;
  f.declare_queue("q");
  const Table arguments{{"x-consumer-timeout", held_max}};
  f.give(Subscribe{.who = CoreFixture::caller(), .consumer = 1, .queue = "q", .prefetch = 1, .arguments = &arguments});
  f.publish("q");
  f.tick(noticed_by);
  CHECK(f.queue("q").ready == 1);
  const Table definition{{"consumer-timeout", held_max}};
  f.declare_queue("r");
  f.give(SetPolicy{CoreFixture::caller(), "p", "r", PolicyTarget::queues, 0, &definition});
  f.give(Get{CoreFixture::caller(), "r"});
  f.publish("r");
  f.give(Get{CoreFixture::caller(), "r"});
  CHECK(f.queue("r").unsettled == 1);
  f.tick(noticed_by);
  CHECK(f.queue("r").ready == 1);
}

TEST_CASE("a consumer's timeout must be a time") {
  CoreFixture f;
  f.declare_queue("q");
  const Table arguments{{"x-consumer-timeout", "soon"}};
  f.give(Subscribe{.who = CoreFixture::caller(), .consumer = 1, .queue = "q", .arguments = &arguments});
  CHECK(f.take_refusal() == ErrorCode::invalid_argument);
}

TEST_CASE("what is settled in time never comes back") {
  CoreFixture f;
  f.declare_queue("q", {{"x-consumer-timeout", held_max}});
  f.subscribe("q", 1, 10);
  for (int i = 0; i < 10; ++i) f.publish("q");
  f.settle(1, 10);
  f.sends.clear();
  f.tick(10 * held_max);
  CHECK(f.take_delivered().empty());
  CHECK(f.queue("q").acked == 10);
}

TEST_CASE("deliveries that time out count towards the delivery limit") {
  CoreFixture f;
  f.declare_queue("q", {{"x-consumer-timeout", held_max}, {"x-delivery-limit", 1}});
  f.publish("q");
  f.give(Get{CoreFixture::caller(), "q"});
  f.tick(noticed_by);
  CHECK(f.queue("q").ready == 1);
  f.give(Get{CoreFixture::caller(), "q"});
  f.tick(noticed_by);
  CHECK(f.queue("q").ready == 0);
  CHECK(f.queue("q").dropped == 1);
}

/// Hands the message back until it does not come again.
int rounds_until_gone(CoreFixture& f, int rounds_max) {
  int rounds = 0;
  for (; rounds <= rounds_max; ++rounds) {
    f.give(Get{CoreFixture::caller(), "q"});
    const auto got = f.take_one<GotMessage>();
    if (!got) return rounds;
    f.give(Settle{CoreFixture::caller(), got->tag, got->tag, false, Outcome::requeue, false});
  }
  return rounds;
}

TEST_CASE("a message does not come back for ever, whatever the queue says") {
  CoreFixture quorum;
  quorum.declare_queue("q", {{"x-queue-type", "quorum"}});
  quorum.publish("q");
  CHECK(rounds_until_gone(quorum, 1000) == limits::delivery_limit_quorum + 1);
  CoreFixture classic;
  classic.persists = false;
  classic.declare_queue("q", {}, false);
  classic.publish({.key = "q", .persistent = false});
  classic.persist();
  classic.persists = true;
  CHECK(rounds_until_gone(classic, 20'000) == limits::delivery_limit_classic + 1);
}

TEST_CASE("a delivery limit of -1 is none") {
  CoreFixture f;
  f.declare_queue("q", {{"x-queue-type", "quorum"}, {"x-delivery-limit", -1}});
  f.publish("q");
  CHECK(rounds_until_gone(f, 100) == 101);
}

TEST_CASE("consumers of a quorum queue are told how often a message was delivered, others are not") {
  CoreFixture f;
  f.declare_queue("q", {{"x-queue-type", "quorum"}});
  f.declare_queue("c");
  f.publish("q"), f.publish("c");
  f.subscribe("q", 1, 1);
  f.subscribe("c", 2, 1);
  const auto delivered = f.take<Deliver>();
  REQUIRE(delivered.size() == 2);
  CHECK(delivered[0].tells_count == (delivered[0].consumer == 1));
  CHECK(delivered[1].tells_count == (delivered[1].consumer == 1));
}

}  // namespace
}  // namespace tandem::core
