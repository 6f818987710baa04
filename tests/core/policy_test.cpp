// Policies: arguments by the pattern of a name, live.
#include "doctest/doctest.h"
#include "tests/support/core_fixture.h"

namespace tandem::core {
namespace {

void set_policy(CoreFixture& f, std::string_view name, std::string_view pattern, const Table& definition,
         std::int32_t priority = 0, PolicyTarget target = PolicyTarget::all) {
  f.give(SetPolicy{CoreFixture::caller(), name, pattern, target, priority, &definition});
}

TEST_CASE("a policy holds for queues that are there and for those to come") {
  CoreFixture f;
  f.declare_queue("tmp.old");
  for (int i = 0; i < 5; ++i) f.publish("tmp.old");
  set_policy(f, "short", "^tmp\\.", {{"max-length", 2}});
  CHECK(f.queue("tmp.old").ready == 2);
  CHECK(f.queue("tmp.old").policy == "short");
  f.declare_queue("tmp.new");
  f.declare_queue("other");
  for (int i = 0; i < 5; ++i) f.publish("tmp.new"), f.publish("other");
  CHECK(f.queue("tmp.new").ready == 2);
  CHECK(f.queue("other").ready == 5);
  CHECK(f.queue("other").policy.empty());
}

TEST_CASE("a policy is kept, and gone when it is deleted") {
  CoreFixture f;
  f.declare_queue("q");
  set_policy(f, "p", "q", {{"max-length", 1}});
  f.restart(false);
  f.publish("q"), f.publish("q");
  CHECK(f.queue("q").ready == 1);
  f.give(DeletePolicy{CoreFixture::caller(), "p"});
  f.restart(false);
  f.publish("q"), f.publish("q");
  CHECK(f.queue("q").ready == 3);
  CHECK(f.queue("q").policy.empty());
  f.sends.clear();
  f.give(DeletePolicy{CoreFixture::caller(), "p"});
  CHECK(f.take_refusal() == ErrorCode::not_found);
}

TEST_CASE("the policy with the highest priority counts alone, then the first by name") {
  CoreFixture f;
  f.declare_queue("q");
  set_policy(f, "b", ".*", {{"max-length", 2}}, 5);
  set_policy(f, "a", ".*", {{"max-length", 3}}, 5);
  set_policy(f, "c", ".*", {{"max-length", 1}}, 4);
  CHECK(f.queue("q").policy == "a");
  set_policy(f, "c", ".*", {{"max-length", 1}}, 6);
  CHECK(f.queue("q").policy == "c");
  set_policy(f, "e", ".*", {{"alternate-exchange", "amq.fanout"}}, 9, PolicyTarget::exchanges);
  CHECK(f.queue("q").policy == "c");
}

TEST_CASE("a policy for one type of queues leaves the other alone") {
  CoreFixture f;
  f.declare_queue("c");
  f.declare_queue("q", {{"x-queue-type", "quorum"}});
  set_policy(f, "a", ".*", {{"max-length", 2}}, 0, PolicyTarget::classic_queues);
  set_policy(f, "b", ".*", {{"max-length", 3}}, 0, PolicyTarget::quorum_queues);
  f.restart(false);
  for (int i = 0; i < 5; ++i) f.publish("c"), f.publish("q");
  CHECK(f.queue("c").ready == 2);
  CHECK(f.queue("q").ready == 3);
  set_policy(f, "both", ".*", {{"max-length", 1}}, 9, PolicyTarget::queues);
  CHECK(f.queue("c").policy == "both");
  CHECK(f.queue("q").policy == "both");
}

TEST_CASE("of a queue's own limit and the policy's the lower one counts; other arguments are the queue's") {
  CoreFixture f;
  f.declare_queue("q", {{"x-max-length", 3}, {"x-overflow", "reject-publish"}});
  set_policy(f, "p", "q", {{"max-length", 5}, {"overflow", "drop-head"}});
  for (int i = 0; i < 9; ++i) f.publish("q");
  CHECK(f.queue("q").ready == 3);
  CHECK(f.queue("q").dropped == 0);  // rejected, not dropped
  set_policy(f, "p", "q", {{"max-length", 1}});
  f.publish("q");
  CHECK(f.queue("q").ready == 3);
}

TEST_CASE("a policy lets an unused queue expire from now on, not from when it was last used") {
  CoreFixture f;
  f.declare_queue("q");
  f.tick(10'000);
  set_policy(f, "p", "q", {{"expires", 500}});
  f.tick(499);
  CHECK(f.queue("q").queue.name == "q");
  f.tick(1);
  CHECK(f.queue("q").queue.name.empty());
}

TEST_CASE("a policy gives an exchange its alternate, unless it has one") {
  CoreFixture f;
  f.declare_exchange("e", ExchangeKind::direct);
  f.declare_exchange("own", ExchangeKind::direct, {{"alternate-exchange", "nowhere"}});
  f.declare_queue("q");
  f.bind("amq.fanout", "q", "");
  f.publish({.exchange = "e", .key = "nobody"});
  CHECK(f.queue("q").ready == 0);
  set_policy(f, "p", "e|own", {{"alternate-exchange", "amq.fanout"}}, 0, PolicyTarget::exchanges);
  f.publish({.exchange = "e", .key = "nobody"});
  CHECK(f.queue("q").ready == 1);
  f.publish({.exchange = "own", .key = "nobody"});
  CHECK(f.queue("q").ready == 1);
}

TEST_CASE("a policy's dead-letter key without an exchange does nothing") {
  CoreFixture f;
  f.declare_queue("q");
  set_policy(f, "p", "q", {{"dead-letter-routing-key", "x"}, {"message-ttl", 5}});
  CHECK(f.take_refusal() == ErrorCode::none);
  f.publish("q");
  f.tick(5);
  CHECK(f.queue("q").expired == 1);
}

TEST_CASE("a policy that makes no sense is refused, and says where") {
  CoreFixture f;
  const auto argument_at_fault = [&f](std::string_view name, std::string_view pattern, const Table& definition) {
    f.sends.clear();
    set_policy(f, name, pattern, definition);
    const auto refused = f.take_one<Refused>();
    return refused ? refused->refusal.argument : std::string("accepted");
  };
  CHECK(argument_at_fault("p", "(", {{"max-length", 1}}) == "pattern");
  CHECK(argument_at_fault("p", std::string(2000, 'a'), {{"max-length", 1}}) == "pattern");
  CHECK(argument_at_fault("", "q", {{"max-length", 1}}) == "name");
  CHECK(argument_at_fault("\xFF", "q", {{"max-length", 1}}) == "name");
  CHECK(argument_at_fault("p", "q", {}) == "definition");
  CHECK(argument_at_fault("p", "q", {{"colour", 1}}) == "colour");
  CHECK(argument_at_fault("p", "q", {{"max-length", -1}}) == "max-length");
  CHECK(argument_at_fault("p", "q", {{"max-length", "many"}}) == "max-length");
  CHECK(argument_at_fault("p", "q", {{"alternate-exchange", 1}}) == "alternate-exchange");
  CHECK(argument_at_fault("p", "q", {{"ha-mode", "all"}}) == "accepted");
}

TEST_CASE("a pattern that backtracks without end costs no more than another") {
  CoreFixture f;
  f.declare_queue(std::string(250, 'a'));
  set_policy(f, "p", "(a+)+$b", {{"max-length", 1}});  // years, by trying all ways to split the name
  CHECK(f.queue(std::string(250, 'a')).policy.empty());
}

TEST_CASE("there is a limit of policies") {
  CoreFixture f;
  for (std::size_t i = 0; i < 256; ++i) set_policy(f, "p" + std::to_string(i), "q", {{"max-length", 1}});
  CHECK(f.take_refusal() == ErrorCode::none);
  set_policy(f, "one more", "q", {{"max-length", 1}});
  CHECK(f.take_refusal() == ErrorCode::limit_reached);
  set_policy(f, "p7", "q", {{"max-length", 2}});
  CHECK(f.take_refusal() == ErrorCode::none);
}

}  // namespace
}  // namespace tandem::core
