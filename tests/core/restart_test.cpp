// What a restart finds: messages, delivery counts, runs in the backlog.
#include <map>
#include <string>

#include "doctest/doctest.h"
#include "tests/support/core_fixture.h"

namespace tandem::core {
namespace {

using Numbers = std::vector<std::uint64_t>;

BrokerOptions small() {
  BrokerOptions options;
  options.resident_entries_max = 20;
  options.front_entries_min = 4;
  return options;
}

TEST_CASE("persistent messages of durable queues come back in order; others do not") {
  CoreFixture f;
  f.declare_queue("q");
  f.declare_queue("v", {}, false);
  const auto first = f.publish("q");
  f.publish({.key = "q", .persistent = false});
  const auto third = f.publish("q");
  f.publish("v");
  f.restart(false);
  CHECK(f.queue("q").ready == 2);
  CHECK(f.queue("v").queue.name.empty());
  CHECK(f.drain("q") == Numbers{first, third});
}

TEST_CASE("after a crash exactly what may have been delivered is redelivered") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q", 1, 1);
  f.publish("q");  // delivered
  for (int i = 0; i < 40; ++i) f.publish("q");
  f.restart(false);
  f.subscribe("q");
  const auto again = f.take<Deliver>();
  REQUIRE(again.size() == 41);
  CHECK(again[0].deliveries == 1);
  CHECK(again[40].deliveries == 0);
}

TEST_CASE("after an orderly stop the counts are exact") {
  CoreFixture f;
  f.declare_queue("q");
  for (int i = 0; i < 10; ++i) f.publish("q");
  f.subscribe("q", 1, 2);
  f.give(ConnectionClosed{ConnectionId(1)});
  f.restart(true);
  f.subscribe("q");
  const auto again = f.take<Deliver>();
  REQUIRE(again.size() == 10);
  for (std::size_t i = 0; i < 10; ++i) CHECK(again[i].deliveries == (i < 2 ? 1 : 0));
}

TEST_CASE("a message is not handed out before that is reserved on disk") {
  CoreFixture f;
  f.declare_queue("q");
  f.publish("q");
  f.persists = false;
  f.sends.clear();
  f.subscribe("q");
  CHECK(f.take<Deliver>().empty());
  f.persist();
  CHECK(f.take<Deliver>().size() == 1);
}

TEST_CASE("requeued messages keep their count over a restart") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q", 1, 1);
  f.publish("q");
  f.settle(1, 1, Outcome::requeue);
  f.settle(2, 2, Outcome::requeue);
  f.give(ConnectionClosed{ConnectionId(1)});
  f.restart(true);
  f.give(Get{f.caller(), "q", true});
  CHECK(f.take_one<GotMessage>()->deliveries == 3);
}

TEST_CASE("survivors of a checkpoint are found in their runs, what was acked in between is not") {
  CoreFixture f;
  f.declare_queue("q");
  Numbers sent;
  for (int i = 0; i < 40; ++i) sent.push_back(f.publish("q"));
  f.subscribe("q", 1, 5);
  f.begin_checkpoint();
  f.settle(1, 5);
  f.finish_checkpoint();
  f.publish("q");
  CHECK(f.runs_on_disk() == 3);
  f.give(ConnectionClosed{ConnectionId(1)});
  f.restart(false);
  CHECK(f.queue("q").ready == 36);
  const Numbers left = f.drain("q");
  REQUIRE(left.size() == 36);
  CHECK(left.front() == sent[5]);
  CHECK(left[34] == sent[39]);
}

TEST_CASE("a checkpoint has what was held when it began, whatever is settled before it is gathered") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q");
  for (int i = 0; i < 17; ++i) f.publish("q");  // a run has 16
  f.begin_checkpoint();
  f.settle(1, 1);
  f.finish_checkpoint();
  CHECK(f.runs_on_disk() == 2);
  f.checkpoint();  // all that is held is home
  CHECK(f.runs_on_disk() == 2);
  f.publish("q");
  f.begin_checkpoint();
  f.publish("q");  // held, and not of this checkpoint
  f.finish_checkpoint();
  f.checkpoint();
  CHECK(f.runs_on_disk() == 4);
}

TEST_CASE("a checkpoint has nothing of a queue that is gone while its messages are held") {
  CoreFixture f;
  f.declare_queue("gone");
  f.declare_queue("q");
  f.subscribe("gone", 1);
  f.subscribe("q", 2);
  f.publish("gone");
  f.publish("q");
  f.give(DeleteQueue{.who = f.caller(), .name = "gone"});
  f.checkpoint();
  CHECK(f.runs_on_disk() == 1);
}

TEST_CASE("what is beyond the limit leaves RAM and comes back in order") {
  CoreFixture f(small());
  f.declare_queue("q");
  Numbers sent;
  for (int i = 0; i < 100; ++i) sent.push_back(f.publish("q"));
  f.checkpoint();
  CHECK(f.queue("q").resident < 20);
  CHECK(f.queue("q").ready == 100);
  for (int i = 0; i < 10; ++i) sent.push_back(f.publish("q"));
  CHECK(f.drain("q") == sent);
  f.checkpoint();
  CHECK(f.runs_on_disk() == 0);
}

TEST_CASE("the fronts of all queues share half of the room for entries") {
  BrokerOptions options;
  options.resident_entries_max = 400;
  struct Case {
    int queues;
    std::size_t each;  // 256 at most, 16 at least
  };
  for (const auto& [queues, each] : {Case{1, 200}, Case{5, 40}, Case{20, 16}}) {
    CoreFixture f(options);
    std::map<std::string, Numbers> sent;
    for (int i = 0; i < queues; ++i) f.declare_queue("q" + std::to_string(i));
    for (int i = 0; i < 600; ++i) {
      const std::string queue = "q" + std::to_string(i % queues);
      sent[queue].push_back(f.publish(queue));
    }
    f.checkpoint();
    for (const auto& [queue, numbers] : sent) {
      CHECK(f.queue(queue).resident == each);
      CHECK(f.drain(queue) == numbers);
    }
  }
}

TEST_CASE("a get waits for its run") {
  CoreFixture f(small());
  f.declare_queue("q");
  const auto first = f.publish("q");
  f.checkpoint();
  f.restart(true);
  f.loads = false;
  f.give(Get{f.caller(), "q", true});
  CHECK(f.take<GotMessage>().empty());
  CHECK(f.take<LoadRun>().size() == 1);
  f.give(RunUnreadable{QueueId(1), RunId(7), "not asked for"});
  CHECK(f.take<GotNothing>().empty());
  f.restart(true);
  f.loads = true;
  CHECK(f.drain("q") == Numbers{first});
}

TEST_CASE("a run that cannot be read is passed over, and what is behind it is delivered") {
  CoreFixture f(small());
  f.declare_queue("q");
  for (int i = 0; i < 16; ++i) f.publish("q");
  f.checkpoint();
  f.restart(true);
  const auto last = f.publish("q");
  f.loads = false;
  f.subscribe("q");
  const auto load = f.take_one<LoadRun>();
  REQUIRE(load);
  f.give(RunUnreadable{load->queue, load->run, "checksum"});
  CHECK(f.take_delivered() == Numbers{last});
  CHECK(f.queue("q").ready == 0);
  f.restart(true);  // after a repair
  f.loads = true;
  CHECK(f.queue("q").ready == 17);
}

TEST_CASE("a purge is also of what could not be read") {
  CoreFixture f(small());
  f.declare_queue("q");
  for (int i = 0; i < 16; ++i) f.publish("q");
  f.checkpoint();
  f.restart(true);
  f.loads = false;
  f.give(Get{f.caller(), "q", true});
  const auto load = f.take_one<LoadRun>();
  REQUIRE(load);
  f.give(RunUnreadable{load->queue, load->run, "checksum"});
  REQUIRE(f.queue("q").ready == 0);
  f.give(PurgeQueue{f.caller(), "q"});
  CHECK(f.take<QueueOk>().back().ready == 0);
  f.restart(true);
  f.loads = true;
  CHECK(f.queue("q").ready == 0);
  f.checkpoint();
  CHECK(f.runs_on_disk() == 0);
}

TEST_CASE("a run that became empty is given back") {
  CoreFixture f;
  f.declare_queue("q");
  for (int i = 0; i < 32; ++i) f.publish("q");
  f.checkpoint();
  f.subscribe("q");
  f.sends.clear();
  f.settle(1, 16);
  CHECK(f.take<DropRun>().size() == 1);
  f.give(Settle{f.caller(), 0, 0, true, Outcome::ack, false});
  CHECK(f.take<DropRun>().size() == 1);
  f.restart(false);
  CHECK(f.queue("q").ready == 0);
}

TEST_CASE("purging and deleting give runs back") {
  CoreFixture f(small());
  f.declare_queue("a");
  f.declare_queue("b");
  for (int i = 0; i < 50; ++i) {
    f.publish("a");
    f.publish("b");
  }
  f.checkpoint();
  f.give(PurgeQueue{f.caller(), "a"});
  f.give(DeleteQueue{f.caller(), "b", false, false});
  CHECK(f.drain("a").empty());
  f.checkpoint();
  CHECK(f.runs_on_disk() == 0);
}

TEST_CASE("homed messages that a crash left in doubt stay marked over a later orderly stop") {
  CoreFixture f(small());
  f.declare_queue("q");
  for (int i = 0; i < 16; ++i) f.publish("q");
  f.subscribe("q", 1, 16);
  f.checkpoint();
  f.restart(false);
  f.checkpoint();
  f.restart(true);
  f.subscribe("q");
  const auto again = f.take<Deliver>();
  REQUIRE(again.size() == 16);
  for (const Deliver& one : again) CHECK(one.deliveries == 1);
}

TEST_CASE("transient messages of a durable queue go through a checkpoint but not over a restart") {
  CoreFixture f(small());
  f.declare_queue("q");
  Numbers all, kept;
  for (int i = 0; i < 60; ++i) {
    const bool persistent = i % 3 == 0;
    all.push_back(f.publish({.key = "q", .persistent = persistent}));
    if (persistent) kept.push_back(all.back());
  }
  f.checkpoint();
  SUBCASE("in life") {
    CHECK(f.drain("q") == all);
  }
  SUBCASE("over a restart") {
    f.restart(false);
    CHECK(f.queue("q").ready == kept.size());
    CHECK(f.drain("q") == kept);
  }
}

TEST_CASE("a quorum queue keeps every message, as RabbitMQ's do") {
  CoreFixture f(small());
  f.declare_queue("q", {{"x-queue-type", "quorum"}});
  Numbers all;
  for (int i = 0; i < 60; ++i) all.push_back(f.publish({.key = "q", .persistent = false}));
  SUBCASE("through a checkpoint") { f.checkpoint(); }
  SUBCASE("from the journal") {}
  f.restart(false);
  CHECK(f.queue("q").ready == all.size());
  CHECK(f.drain("q") == all);
}

TEST_CASE("a transient message for a quorum queue is confirmed when it is on disk") {
  CoreFixture f;
  f.declare_queue("q", {{"x-queue-type", "quorum"}});
  f.persists = false;
  f.sends.clear();
  f.publish({.key = "q", .persistent = false});
  CHECK(f.take<Confirmed>().empty());
}

TEST_CASE("priorities keep their order through checkpoints and restarts") {
  CoreFixture f(small());
  f.declare_queue("q", {{"x-max-priority", 2}});
  Numbers by_priority[3];
  for (std::uint8_t i = 0; i < 90; ++i) {
    const auto priority = static_cast<std::uint8_t>(i % 3);
    by_priority[priority].push_back(f.publish({.key = "q", .priority = priority}));
  }
  f.checkpoint();
  f.restart(false);
  CHECK(f.queue("q").ready == 90);
  Numbers expected;
  for (const int priority : {2, 1, 0})
    expected.insert(expected.end(), by_priority[priority].begin(), by_priority[priority].end());
  CHECK(f.drain("q") == expected);
}

TEST_CASE("a time to live goes on over a restart") {
  CoreFixture f;
  f.declare_queue("q", {{"x-message-ttl", 1000}});
  f.publish("q");
  f.checkpoint();
  f.now += 600;
  f.restart(false);
  f.tick(399);
  CHECK(f.queue("q").ready == 1);
  f.tick(1);
  CHECK(f.queue("q").ready == 0);
}

TEST_CASE("a seq that a removal names is not given again, even when the message was transient") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q");
  f.publish("q");
  f.publish({.key = "q", .persistent = false});
  f.give(Settle{f.caller(), 0, 0, true, Outcome::ack, false});
  f.restart(false);
  const auto number = f.publish("q");
  f.restart(false);
  CHECK(f.drain("q") == Numbers{number});
}

TEST_CASE("what is decided in the call that begins a checkpoint is in the checkpoint") {
  CoreFixture f({.deliveries_per_call_max = 1});
  for (const char* queue : {"first", "second"}) {
    f.declare_queue(queue);
    for (int i = 0; i < 3; ++i) f.publish(queue);
  }
  f.subscribe("first", 1, 10);
  REQUIRE(f.take_delivered().size() == 3);  // so their reservation is on disk
  f.give(ConnectionWritable{ConnectionId(1), false});
  f.give(Recover{CoreFixture::caller()});
  f.subscribe("second", 2, 10);
  f.persists = false;
  f.give(ConnectionWritable{ConnectionId(1), true});  // the first queue uses up what one call may deliver
  f.begin_checkpoint();                               // the second one is looked at here
  f.finish_checkpoint();
  f.persist();
  REQUIRE(f.take_delivered().size() == 6);
  f.restart(false);
  f.subscribe("second", 2, 10);
  for (const Deliver& deliver : f.take<Deliver>()) CHECK(deliver.deliveries > 0);
}

TEST_CASE("that a queue, an exchange or a binding is there is not said before it is on disk") {
  CoreFixture f;
  f.persists = false;
  for (int i = 0; i < 2; ++i) {
    f.declare_queue("q");
    f.declare_exchange("x", ExchangeKind::fanout);
    f.bind("x", "q", "");
  }
  CHECK(f.take<QueueOk>().empty());
  CHECK(f.take<Ok>().empty());
  f.persist();
  CHECK(f.take<QueueOk>().size() == 2);
  CHECK(f.take<Ok>().size() == 4);
}

TEST_CASE("the durable state is enough to start from") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q", 1, 4);
  for (int i = 0; i < 8; ++i) f.publish("q");
  f.settle(2, 3);
  f.settle(1, 1, Outcome::requeue);
  const auto state = f.broker().durable_state();
  Broker broker;
  for (const Record& record : state)
    if (!std::holds_alternative<QueueState>(record)) broker.replay(record, 0);
  for (const Record& record : state)
    if (std::holds_alternative<QueueState>(record)) broker.replay(record, 0);
  broker.replayed(f.now, true);
  CHECK(broker.durable_state() == state);
}

TEST_CASE("any prefix of the turns is a state to start from") {
  CoreFixture f;
  f.persists = false;
  f.declare_queue("q");
  f.bind("amq.fanout", "q", "");
  f.subscribe("q", 1, 3);
  for (int i = 0; i < 6; ++i) f.publish({.exchange = "amq.fanout"});
  f.persist();
  f.settle(1, 2);
  f.settle(3, 3, Outcome::requeue);
  f.persist();
  std::vector<Record> durable;
  for (const Record& record : f.records)
    if (is_durable(record)) durable.push_back(record);
  REQUIRE(durable.size() > 8);
  for (std::size_t count = 0; count <= durable.size(); ++count) {
    Broker broker;
    std::uint64_t present = 0;
    for (std::size_t i = 0; i < count; ++i) {
      broker.replay(durable[i], i + 1);
      present += std::holds_alternative<Enqueued>(durable[i]);
      if (const auto* removed = std::get_if<Removed>(&durable[i]))
        present -= removed->seqs.last - removed->seqs.first + 1;
    }
    broker.replayed(f.now, false);
    Outputs out;
    broker.handle(f.now, Describe{f.caller(), Subject::broker, ""}, out);
    CHECK(get_if<Described>(&out.sends.back())->broker.ready == present);
  }
}

TEST_CASE("a checkpoint is wanted for messages that came since the last one and are still there") {
  BrokerOptions options;
  options.entries_per_checkpoint_max = 5;
  CoreFixture f(options);
  f.declare_queue("q");
  f.declare_queue("r");
  for (int i = 0; i < 4; ++i) f.publish("q");
  CHECK_FALSE(f.broker().wants_checkpoint());
  f.publish("q");
  CHECK(f.broker().wants_checkpoint());
  f.checkpoint();
  CHECK_FALSE(f.broker().wants_checkpoint());

  for (int i = 0; i < 10; ++i) {  // one comes and one goes
    f.publish("r");
    f.give(Get{f.caller(), "r", true});
  }
  CHECK_FALSE(f.broker().wants_checkpoint());
  f.drain("q");  // whose bytes are in the backlog
  for (int i = 0; i < 4; ++i) f.publish("r");
  CHECK_FALSE(f.broker().wants_checkpoint());
  f.give(PurgeQueue{f.caller(), "r"});
  for (int i = 0; i < 4; ++i) f.publish("q");
  f.give(DeleteQueue{.who = f.caller(), .name = "q"});
  for (int i = 0; i < 4; ++i) f.publish("r");
  CHECK_FALSE(f.broker().wants_checkpoint());
  f.publish("r");
  CHECK(f.broker().wants_checkpoint());
}

}  // namespace
}  // namespace tandem::core
