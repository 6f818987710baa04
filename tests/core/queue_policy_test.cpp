// What queues do by their arguments: time to live, limits, dead letters, priorities, single active consumer.
#include "doctest/doctest.h"
#include "tests/support/core_fixture.h"

namespace tandem::core {
namespace {

using Numbers = std::vector<std::uint64_t>;

/// Plays the rim: rewrites what the core asked for, and gives it back.
std::size_t rewrite_dead_letters(CoreFixture& f, const Table& headers = {}) {
  const auto wanted = f.take<RewriteDeadLetter>();
  for (const RewriteDeadLetter& one : wanted) {
    const TestMessage copy{.exchange = one.exchange, .key = one.routing_key, .headers = headers};
    const MessageView view = f.view_of(copy);
    f.give(DeadLetterReady{one.queue.value, one.seq, one.exchange, view});
  }
  return wanted.size();
}

TEST_CASE("a message is over when the queue's or its own time has passed, whichever is shorter") {
  CoreFixture f;
  f.declare_queue("q", {{"x-message-ttl", 1000}});
  f.publish({.key = "q", .expiration = "100"});
  f.publish({.key = "q", .expiration = "5000"});
  CHECK(f.broker().next_due() == f.now + 100);
  f.tick(100);
  CHECK(f.queue("q").ready == 1);
  CHECK(f.broker().next_due() == f.now + 900);
  f.tick(900);
  CHECK(f.queue("q").ready == 0);
  CHECK(f.queue("q").expired == 2);
}

TEST_CASE("a full queue that refuses publishers keeps what comes back to it") {
  CoreFixture f;
  f.declare_queue("q", {{"x-max-length", 2}, {"x-overflow", "reject-publish"}});
  f.subscribe("q", 1, 2);
  for (int i = 0; i < 4; ++i) f.publish("q");  // two are held, two are ready
  CHECK(f.take_delivered().size() == 2);
  f.give(Unsubscribe{CoreFixture::caller(), 1});
  f.give(Recover{CoreFixture::caller()});
  CHECK(f.queue("q").ready == 4);
  CHECK(f.queue("q").dropped == 0);
}

TEST_CASE("a message that is over behind one that is not waits for its turn, and is not delivered then") {
  CoreFixture f;
  f.declare_queue("q");
  const auto first = f.publish({.key = "q"});
  f.publish({.key = "q", .expiration = "10"});
  f.tick(50);
  CHECK(f.queue("q").ready == 2);
  CHECK(f.drain("q") == Numbers{first});
}

TEST_CASE("a message with no time to live reaches a consumer that waits, and nobody else") {
  CoreFixture f;
  f.declare_queue("q");
  f.publish({.key = "q", .expiration = "0"});
  CHECK(f.queue("q").ready == 0);
  f.subscribe("q");
  f.persists = false;
  const auto number = f.publish({.key = "q", .expiration = "0"});
  f.now += 20;  // the disk took its time
  f.persist();
  CHECK(f.take_delivered() == Numbers{number});
}

TEST_CASE("a full queue drops its head") {
  CoreFixture f;
  f.declare_queue("q", {{"x-max-length", 2}});
  Numbers sent;
  for (int i = 0; i < 5; ++i) sent.push_back(f.publish("q"));
  CHECK(f.queue("q").dropped == 3);
  CHECK(f.drain("q") == Numbers{sent[3], sent[4]});
}

TEST_CASE("a queue is full by bytes too") {
  CoreFixture f;
  f.declare_queue("q", {{"x-max-length-bytes", 250}});
  for (int i = 0; i < 5; ++i) f.publish("q");
  CHECK(f.queue("q").ready == 2);
}

TEST_CASE("unsettled messages do not count against the limit") {
  CoreFixture f;
  f.declare_queue("q", {{"x-max-length", 1}});
  f.subscribe("q", 1, 3);
  for (int i = 0; i < 4; ++i) f.publish("q");
  CHECK(f.queue("q").dropped == 0);
  f.publish("q");
  CHECK(f.queue("q").dropped == 1);
}

TEST_CASE("a queue that rejects refuses the newest, and its publisher learns of it") {
  CoreFixture f;
  f.declare_queue("q", {{"x-max-length", 2}, {"x-overflow", "reject-publish"}});
  f.publish("q");
  f.publish("q");
  f.take<Confirmed>();
  f.publish("q");
  const auto confirmed = f.take_one<Confirmed>();
  REQUIRE(confirmed);
  CHECK(confirmed->nack);
  CHECK(f.queue("q").ready == 2);
}

TEST_CASE("rejected, expired, dropped and over-delivered messages go to the dead-letter exchange") {
  CoreFixture f;
  f.declare_queue("dead");
  f.bind("amq.direct", "dead", "dl");
  const Table to_dead{{"x-dead-letter-exchange", "amq.direct"}, {"x-dead-letter-routing-key", "dl"}};
  Table limited = to_dead, short_lived = to_dead, full = to_dead;
  limited.emplace_back("x-delivery-limit", 1);
  short_lived.emplace_back("x-message-ttl", 10);
  full.emplace_back("x-max-length", 1);
  f.declare_queue("rejecting", to_dead);
  f.declare_queue("limited", limited);
  f.declare_queue("short", short_lived);
  f.declare_queue("full", full);
  f.subscribe("rejecting", 1);
  f.subscribe("limited", 2);

  f.publish("rejecting");
  f.settle(1, 1, Outcome::reject);
  f.publish("limited");
  f.settle(2, 2, Outcome::requeue);
  f.settle(3, 3, Outcome::requeue);
  f.publish("short");
  f.tick(10);
  f.publish("full");
  f.publish("full");

  std::vector<RemovalReason> reasons;
  for (const Send& send : f.sends)
    if (const auto* wanted = core::get_if<RewriteDeadLetter>(&send)) reasons.push_back(wanted->reason);
  CHECK(reasons == std::vector{RemovalReason::rejected, RemovalReason::delivery_limit, RemovalReason::expired,
                               RemovalReason::dropped});
  CHECK(rewrite_dead_letters(f) == 4);
  CHECK(f.queue("dead").ready == 4);
  CHECK(f.queue("rejecting").dead_lettered == 1);
  CHECK(f.queue("limited").unsettled == 0);
}

TEST_CASE("a dead letter that was not written before a restart is tried again") {
  CoreFixture f;
  f.declare_queue("dead");
  f.declare_queue(
      "q", {{"x-dead-letter-exchange", ""}, {"x-dead-letter-routing-key", "dead"}, {"x-message-ttl", 10}});
  f.publish("q");
  f.tick(10);
  CHECK(f.take<RewriteDeadLetter>().size() == 1);
  f.restart(false);
  CHECK(rewrite_dead_letters(f) == 1);
  CHECK(f.queue("dead").ready == 1);
  CHECK(f.queue("q").ready == 0);
}

TEST_CASE("a dead letter does not go round for ever") {
  CoreFixture f;
  f.declare_queue(
      "q", {{"x-dead-letter-exchange", ""}, {"x-dead-letter-routing-key", "q"}, {"x-message-ttl", 10}});
  f.publish("q");
  f.tick(10);
  const Table death{{"queue", "q"}, {"reason", "expired"}};
  CHECK(rewrite_dead_letters(f, {{"x-death", Array{Value(death)}}}) == 1);
  CHECK(f.queue("q").ready == 0);
}

TEST_CASE("a dead-letter exchange that is not there drops the message") {
  CoreFixture f;
  f.declare_queue("q", {{"x-dead-letter-exchange", "nowhere"}});
  f.subscribe("q");
  f.publish("q");
  f.settle(1, 1, Outcome::reject);
  CHECK(f.take<RewriteDeadLetter>().empty());
  CHECK(f.queue("q").unsettled == 0);
}

TEST_CASE(
    "a rejecting queue with dead letters has its overflow written there, and the publisher still learns of "
    "it") {
  CoreFixture f;
  f.declare_queue("dead");
  f.declare_queue("q", {{"x-max-length", 1},
                        {"x-overflow", "reject-publish-dlx"},
                        {"x-dead-letter-exchange", ""},
                        {"x-dead-letter-routing-key", "dead"}});
  f.publish("q");
  f.take<Confirmed>();
  f.publish("q");
  CHECK(f.take_one<Confirmed>()->nack);
  CHECK(rewrite_dead_letters(f) == 1);
  CHECK(f.queue("dead").ready == 1);
  CHECK(f.queue("q").ready == 1);
}

// They come into a run of the backlog while they wait to be written to where they go, behind messages that stay.
TEST_CASE("overflow that went to the dead letters does not come back with its run") {
  for (const bool persistent : {true, false}) {
    CAPTURE(persistent);
    CoreFixture f(tight_limits());
    f.declare_queue("dead");
    f.declare_queue("q", {{"x-max-length", 30},
                          {"x-overflow", "reject-publish-dlx"},
                          {"x-dead-letter-exchange", ""},
                          {"x-dead-letter-routing-key", "dead"}});
    Numbers sent;
    for (int i = 0; i < 30; ++i) sent.push_back(f.publish({.key = "q", .persistent = persistent}));
    for (int i = 0; i < 5; ++i) f.publish({.key = "q", .persistent = persistent});
    f.checkpoint();
    CHECK(rewrite_dead_letters(f) == 5);
    for (int i = 0; i < 30; ++i) f.publish({.key = "dead", .persistent = persistent});  // so that there is too much in RAM
    f.checkpoint();
    CHECK(f.queue("q").ready == 30);
    CHECK(f.drain("q") == sent);
    CHECK(f.queue("q").ready == 0);
  }
}

TEST_CASE("higher priority comes first, in order within each, and beyond the queue's highest all are equal") {
  CoreFixture f;
  f.declare_queue("q", {{"x-max-priority", 5}});
  Numbers sent;
  for (const std::uint8_t priority : {0, 3, 9, 3, 5, 0})
    sent.push_back(f.publish({.key = "q", .priority = priority}));
  CHECK(f.drain("q") == Numbers{sent[2], sent[4], sent[1], sent[3], sent[0], sent[5]});
}

TEST_CASE("a queue without priorities ignores them") {
  CoreFixture f;
  f.declare_queue("q");
  const Numbers sent{f.publish({.key = "q", .priority = 1}), f.publish({.key = "q", .priority = 9})};
  CHECK(f.drain("q") == sent);
}

TEST_CASE("of a single active consumer's queue only the first gets messages, and the next when it leaves") {
  CoreFixture f;
  f.declare_queue("q", {{"x-single-active-consumer", true}});
  f.subscribe("q", 1);
  f.subscribe("q", 2);
  for (int i = 0; i < 3; ++i) f.publish("q");
  for (const auto& deliver : f.take<Deliver>()) CHECK(deliver.consumer == 1);
  f.give(Unsubscribe{f.caller(), 1});
  f.publish("q");
  CHECK(f.take_one<Deliver>()->consumer == 2);
}

TEST_CASE("while the disk is short publishers are told to wait, and what still comes is not taken") {
  CoreFixture f;
  f.declare_queue("q");
  f.sends.clear();
  f.give(ResourceAlarm{Resource::disk, true});
  CHECK(f.take_one<HoldPublishers>()->hold);
  f.publish("q");
  CHECK(f.take_one<Confirmed>()->nack);
  f.give(ResourceAlarm{Resource::disk, false});
  CHECK_FALSE(f.take_one<HoldPublishers>()->hold);
  f.publish("q");
  CHECK(f.queue("q").ready == 1);
}

}  // namespace
}  // namespace tandem::core
