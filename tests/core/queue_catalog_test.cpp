// Queues come and go: declare, delete, exclusive, auto-delete, expiry of unused ones.
#include "doctest/doctest.h"
#include "tests/support/core_fixture.h"

namespace tandem::core {
namespace {

bool exists(CoreFixture& f, std::string_view name) {
  f.give(DeclareQueue{.who = f.caller(), .name = name, .passive = true});
  return f.take_refusal() == ErrorCode::none;
}

TEST_CASE("declaring again answers with what is there") {
  CoreFixture f;
  f.declare_queue("q");
  f.publish("q");
  f.subscribe("q", 1, 1);
  f.publish("q");
  f.sends.clear();
  f.declare_queue("q");
  const auto ok = f.take_one<QueueOk>();
  REQUIRE(ok);
  CHECK(ok->name == "q");
  CHECK(ok->ready == 1);
  CHECK(ok->consumers == 1);
}

TEST_CASE("a message that is on its way to disk counts once it is there") {
  CoreFixture f;
  f.declare_queue("q");
  f.persists = false;
  f.sends.clear();
  f.publish("q");
  f.give(DeclareQueue{.who = f.caller(2), .name = "q", .passive = true});
  CHECK(f.take<QueueOk>().empty());
  f.persist();
  const auto ok = f.take_one<QueueOk>();
  REQUIRE(ok);
  CHECK(ok->ready == 1);
}

TEST_CASE("a queue without a name gets the one the face chose") {
  CoreFixture f;
  f.give(DeclareQueue{.who = f.caller(), .name = "", .chosen_name = "amq.gen-1"});
  CHECK(f.take_one<QueueOk>()->name == "amq.gen-1");
  f.declare_queue("amq.mine");
  CHECK(f.take_refusal() == ErrorCode::access_refused);
}

TEST_CASE("a redeclare with other properties or arguments is refused and says which") {
  CoreFixture f;
  f.declare_queue("q", {{"x-message-ttl", 1000}});
  f.sends.clear();
  f.declare_queue("q", {{"x-message-ttl", 2000}});
  const auto refused = f.take_one<Refused>();
  REQUIRE(refused);
  CHECK(refused->refusal.code == ErrorCode::inequivalent);
  CHECK(refused->refusal.argument == "x-message-ttl");
  CHECK(refused->refusal.received == "the value '2000' of type 'signedint'");
  f.declare_queue("q");
  CHECK(f.take_one<Refused>()->refusal.received == "none");
  f.declare_queue("q", {{"x-message-ttl", std::int64_t{1000}}});
  CHECK(f.take_refusal() == ErrorCode::none);
  f.declare_queue("q", {{"x-message-ttl", 1000}}, false);
  CHECK(f.take_refusal() == ErrorCode::inequivalent);
}

TEST_CASE("of an argument that is given twice the first one counts, and is the one that is told") {
  CoreFixture f;
  f.declare_queue("q", {{"x-max-length", 2}, {"x-max-length", 100}});
  CHECK(f.take_one<QueueOk>());
  CHECK(f.queue("q").queue.arguments == Table{{"x-max-length", 2}});
  f.declare_queue("q", {{"x-max-length", 2}});
  CHECK(f.take_one<QueueOk>());
}

TEST_CASE("times may be as long as Celery's longest delay, and far longer") {
  CoreFixture f;
  f.declare_queue("q", {{"x-message-ttl", std::int64_t{134'217'728'000}}, {"x-expires", std::int64_t{1'000'000'000'000'000}}});
  CHECK(f.take_one<QueueOk>());
  f.publish("q");
  f.tick(100'000'000'000);
  CHECK(f.queue("q").ready == 1);
}

TEST_CASE("arguments of the wrong type or value are refused by name") {
  for (const auto& [key, value] : Table{{"x-message-ttl", "soon"},
                                        {"x-message-ttl", -1},
                                        {"x-expires", 0},
                                        {"x-expires", std::int64_t{1'000'000'000'000'001}},
                                        {"x-max-length", -5},
                                        {"x-max-priority", 256},
                                        {"x-overflow", "burst"},
                                        {"x-single-active-consumer", 1},
                                        {"x-dead-letter-routing-key", "k"},
                                        {"x-queue-type", "strange"},
                                        {"x-dead-letter-exchange", 5}}) {
    CoreFixture f;
    f.declare_queue("q", {{key, value}});
    const auto refused = f.take_one<Refused>();
    CAPTURE(key);
    REQUIRE(refused);
    CHECK(refused->refusal.code == ErrorCode::invalid_argument);
    CHECK(refused->refusal.argument == key);
    CHECK(refused->refusal.name == "q");
  }
}

TEST_CASE("a queue's and an exchange's name is any UTF-8 of 1 to 255 bytes, also what looks like a path") {
  CoreFixture f;
  for (const std::string& name : {std::string("../x"), std::string("/etc/passwd"), std::string("a\nb\t"),
                                  std::string("Zürich 🐦"), std::string(255, 'n')}) {
    f.declare_queue(name);
    f.declare_exchange(name, ExchangeKind::fanout);
    CHECK(f.take_refusal() == ErrorCode::none);
    CHECK(exists(f, name));
  }
  for (const std::string& name : {std::string("q\xFF"), std::string("\xC0\xAF..")}) {
    f.sends.clear();
    f.declare_queue(name);
    f.declare_exchange(name, ExchangeKind::fanout);
    const auto refused = f.take<Refused>();
    REQUIRE(refused.size() == 2);
    for (const Refused& one : refused) {
      CHECK(one.refusal.code == ErrorCode::invalid_argument);
      CHECK(one.refusal.argument == "name");
      CHECK(one.refusal.name.find("\\x") != std::string::npos);
      CHECK(one.refusal.detail.find("UTF-8") != std::string::npos);
    }
    CHECK_FALSE(exists(f, name));
  }
  f.sends.clear();
  f.declare_queue(std::string(256, 'n'));
  CHECK(f.take_refusal() == ErrorCode::invalid_argument);
  f.declare_exchange(std::string(256, 'n'), ExchangeKind::fanout);
  CHECK(f.take_refusal() == ErrorCode::invalid_argument);
}

TEST_CASE(
    "an exclusive queue is locked for others, before anything else is looked at, and goes with its "
    "connection") {
  CoreFixture f;
  f.give(DeclareQueue{.who = f.caller(1), .name = "q", .exclusive = true});
  f.sends.clear();
  const Caller other = f.caller(2);
  f.give(DeclareQueue{.who = other, .name = "q", .durable = false});
  f.give(DeclareQueue{.who = other, .name = "q", .passive = true});
  f.give(DeleteQueue{other, "q", false, false});
  f.give(PurgeQueue{other, "q"});
  f.give(Get{other, "q", true});
  f.give(Subscribe{.who = other, .consumer = 1, .queue = "q"});
  f.give(Bind{other, "amq.direct", DestinationKind::queue, "q", "k", nullptr});
  f.give(Unbind{other, "amq.direct", DestinationKind::queue, "q", "k", nullptr});
  const auto refused = f.take<Refused>();
  CHECK(refused.size() == 8);
  for (const Refused& one : refused) CHECK(one.refusal.code == ErrorCode::locked);
  f.give(ConnectionClosed{ConnectionId(1)});
  CHECK_FALSE(exists(f, "q"));
}

TEST_CASE("an auto-delete queue goes with its last consumer, and not before it had one") {
  CoreFixture f;
  f.give(DeclareQueue{.who = f.caller(), .name = "q", .auto_delete = true});
  f.give(Get{f.caller(), "q", true});
  CHECK(exists(f, "q"));
  f.subscribe("q", 1);
  f.subscribe("q", 2);
  f.give(Unsubscribe{f.caller(), 1});
  CHECK(exists(f, "q"));
  f.give(ChannelClosed{f.caller()});
  CHECK_FALSE(exists(f, "q"));
}

TEST_CASE("deleting tells the consumers and answers with the count; deleting again is fine") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q", 5, 1);
  f.publish("q");
  f.publish("q");
  f.sends.clear();
  f.give(DeleteQueue{f.caller(), "q", true, false});
  CHECK(f.take_refusal() == ErrorCode::in_use);
  f.give(DeleteQueue{f.caller(), "q", false, true});
  CHECK(f.take_refusal() == ErrorCode::not_empty);
  f.give(DeleteQueue{f.caller(), "q", false, false});
  CHECK(f.take_one<ConsumerCancelled>()->consumer == 5);
  CHECK(f.take_one<QueueOk>()->ready == 1);
  f.give(DeleteQueue{f.caller(), "q", false, false});
  CHECK(f.take_one<QueueOk>()->ready == 0);
  f.settle(1, 1);  // of the queue that is gone
  CHECK(f.take_refusal() == ErrorCode::none);
}

TEST_CASE("a name that comes again is another queue") {
  CoreFixture f;
  f.declare_queue("q");
  f.publish("q");
  f.give(DeleteQueue{f.caller(), "q", false, false});
  f.declare_queue("q");
  CHECK(f.queue("q").ready == 0);
  f.restart(false);
  CHECK(f.drain("q").empty());
}

TEST_CASE("an exclusive consumer wants the queue for itself") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q", 1);
  f.give(Subscribe{.who = f.caller(), .consumer = 2, .queue = "q", .exclusive = true});
  CHECK(f.take_refusal() == ErrorCode::in_use);
  f.give(Unsubscribe{f.caller(), 1});
  f.give(Subscribe{.who = f.caller(), .consumer = 2, .queue = "q", .exclusive = true});
  CHECK(f.take_refusal() == ErrorCode::none);
  f.subscribe("q", 3);
  CHECK(f.take_refusal() == ErrorCode::in_use);
}

TEST_CASE("a consumer's number is unique in its channel, and its priority a number") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q", 1);
  f.subscribe("q", 1);
  CHECK(f.take_refusal() == ErrorCode::in_use);
  const Table arguments{{"x-priority", "high"}};
  f.give(Subscribe{.who = f.caller(), .consumer = 2, .queue = "q", .arguments = &arguments});
  CHECK(f.take_refusal() == ErrorCode::invalid_argument);
  f.subscribe("nothing", 3);
  CHECK(f.take_refusal() == ErrorCode::not_found);
}

TEST_CASE("a consumer is listed with what its client calls it") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q", 1);
  f.give(Subscribe{.who = f.caller(), .consumer = 2, .queue = "q", .tag = "biller"});
  f.give(Describe{f.caller(), Subject::consumers, "q"});
  const auto consumers = f.take<Described>().at(0).consumers;
  REQUIRE(consumers.size() == 2);
  CHECK(consumers[0].tag == "");
  CHECK(consumers[1].tag == "biller");
}

TEST_CASE("an unused queue with x-expires goes in time; using it starts anew") {
  CoreFixture f;
  f.declare_queue("q", {{"x-expires", 1000}});
  f.tick(900);
  f.declare_queue("q", {{"x-expires", 1000}});
  f.tick(900);
  CHECK(f.broker().next_due() > f.now);
  f.subscribe("q", 1);
  f.tick(5000);
  f.give(Unsubscribe{f.caller(), 1});
  f.tick(999);
  CHECK(f.queue("q").queue.name == "q");
  f.tick(1);
  CHECK(f.queue("q").queue.name.empty());
}

TEST_CASE("nothing is delivered before the subscription is answered") {
  CoreFixture f;
  f.declare_queue("q");
  f.publish("q");
  f.persists = false;
  f.sends.clear();
  f.publish("q");
  f.subscribe("q");
  CHECK(f.sends.empty());
  f.persist();
  REQUIRE(f.sends.size() >= 3);
  CHECK(std::holds_alternative<Confirmed>(f.sends[0]));
  CHECK(std::holds_alternative<Ok>(f.sends[1]));
  CHECK(std::holds_alternative<Deliver>(f.sends[2]));
  CHECK(f.take<Deliver>().size() == 2);
}

TEST_CASE("a channel number that is used again does not get the answers of the one before") {
  CoreFixture f;
  f.declare_queue("q");
  f.persists = false;
  f.sends.clear();
  f.publish("q");
  f.give(ChannelClosed{f.caller()});
  f.give(SetChannelPrefetch{f.caller(), 1});
  f.persist();
  CHECK(f.take<Confirmed>().empty());
  CHECK(f.take<Ok>().size() == 1);
}

/// All queues in pieces of so many, in the order they come.
std::vector<std::string> names_in_pieces(CoreFixture& f, std::uint32_t rows_max) {
  std::vector<std::string> names;
  for (Describe ask{f.caller(), Subject::queues, "", 0, rows_max};;) {
    f.give(ask);
    const Described piece = f.take<Described>().at(0);
    CHECK(piece.queues.size() <= rows_max);
    for (const QueueInfo& info : piece.queues) names.push_back(info.queue.name);
    if (piece.next_after == 0) return names;
    CHECK(piece.queues.size() == rows_max);
    ask.after = piece.next_after;
  }
}

TEST_CASE("queues can be listed in pieces, in the order they were declared, durable ones first") {
  CoreFixture f;
  CHECK(names_in_pieces(f, 10).empty());
  std::vector<std::string> durable, transient;
  for (int i = 0; i < 700; ++i) {
    const bool is_durable = i % 3 != 0;
    const std::string name = "q" + std::to_string(i);
    f.declare_queue(name, {}, is_durable);
    if (i >= 100 && i < 500) {
      f.give(DeleteQueue{.who = f.caller(), .name = name});
    } else {
      (is_durable ? durable : transient).push_back(name);
    }
  }
  std::vector<std::string> all = durable;
  all.insert(all.end(), transient.begin(), transient.end());
  for (const std::uint32_t rows_max : {1u, 7u, 100u, 299u, 300u, 301u, 1'000u}) CHECK(names_in_pieces(f, rows_max) == all);
}

TEST_CASE("a listing in pieces goes on behind a queue that has been deleted meanwhile") {
  CoreFixture f;
  for (const auto name : {"a", "b", "c"}) f.declare_queue(name);
  f.give(Describe{f.caller(), Subject::queues, "", 0, 2});
  const std::uint32_t next_after = f.take<Described>().at(0).next_after;
  for (const auto name : {"a", "b"}) f.give(DeleteQueue{.who = f.caller(), .name = name});
  f.declare_queue("d");
  f.sends.clear();
  f.give(Describe{f.caller(), Subject::queues, "", next_after, 2});
  const Described rest = f.take<Described>().at(0);
  REQUIRE(rest.queues.size() == 2);
  CHECK(rest.queues[0].queue.name == "c");
  CHECK(rest.queues[1].queue.name == "d");
  CHECK(rest.next_after == 0);
}

}  // namespace
}  // namespace tandem::core
