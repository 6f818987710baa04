// More deliveries settled at once than one call settles.
#include <algorithm>
#include <numeric>

#include "doctest/doctest.h"
#include "tests/support/core_fixture.h"

namespace tandem::core {
namespace {

constexpr std::uint64_t messages = 10;

/// Ten messages that one consumer holds, of which a call settles three; nothing is persisted or goes on by itself.
class Held : public CoreFixture {
 public:
  explicit Held(const Table& arguments = {}) : CoreFixture(three_at_once()) {
    declare_queue("q", arguments);
    subscribe("q");
    for (std::uint64_t i = 0; i < messages; ++i) publish("q");
    REQUIRE(take<Deliver>().size() == messages);
    persists = false;
  }
  void settle_all(Outcome outcome, bool confirm = false) { give(Settle{caller(), 0, 0, true, outcome, confirm}); }
  std::vector<std::uint64_t> all() const {
    std::vector<std::uint64_t> numbers(messages);
    std::iota(numbers.begin(), numbers.end(), 1);
    return numbers;
  }

 private:
  static BrokerOptions three_at_once() {
    BrokerOptions options;
    options.settles_per_call_max = 3;
    return options;
  }
};

}  // namespace

TEST_CASE("each call settles so many deliveries at most, and there is work until all are settled") {
  Held f;
  f.settle_all(Outcome::ack);
  CHECK(f.queue("q").unsettled == 7);
  CHECK(f.queue("q").unsettled == 4);  // to describe it was a call, too
  CHECK(f.broker().next_due() == 0);
  f.tick();
  CHECK(f.queue("q").unsettled == 0);
  CHECK(f.queue("q").acked == messages);
  CHECK(f.broker().next_due() > f.now);
  f.persist();
}

TEST_CASE("a confirmed settle is answered when all of it is on disk") {
  Held f;
  f.sends.clear();
  f.settle_all(Outcome::ack, true);
  for (int i = 0; i < 3; ++i) f.tick();
  CHECK(f.take<Ok>().empty());  // nothing is on disk
  f.persist();
  CHECK(f.take<Ok>().size() == 1);
  CHECK(f.queue("q").acked == messages);
}

TEST_CASE("a confirmed settle whose last part leaves no durable record waits for the parts before it") {
  Held f;
  f.persists = true;
  for (int i = 0; i < 3; ++i) f.publish(TestMessage{"", "q", false});
  f.persists = false;
  f.sends.clear();
  f.settle_all(Outcome::ack, true);
  for (int i = 0; i < 6; ++i) f.tick();
  CHECK(f.broker().next_due() > f.now);
  CHECK(f.take<Ok>().empty());
  f.persist();
  CHECK(f.take<Ok>().size() == 1);
}

TEST_CASE("a settle whose channel is gone, or another one, when all is done is not answered") {
  for (const bool opened_again : {false, true}) {
    Held f;
    f.settle_all(Outcome::ack, true);
    f.give(ChannelClosed{f.caller()});
    if (opened_again) f.subscribe("q");
    f.sends.clear();
    f.persist();
    CHECK(f.take<Ok>().empty());
    CHECK(f.queue("q").acked == messages);
  }
}

TEST_CASE("what is settled in later calls cannot be settled again") {
  Held f;
  f.settle_all(Outcome::requeue);
  f.settle(10, 10);
  CHECK(f.take_refusal() == ErrorCode::unknown_delivery);
  f.persist();
}

TEST_CASE("a second settle means what the first one left, and single ones are done beside both") {
  Held f;
  f.give(Settle{f.caller(), 5, 5, true, Outcome::requeue});
  f.give(Settle{f.caller(), 7, 7, false, Outcome::ack});
  f.give(Settle{f.caller(), 9, 9, true, Outcome::ack});
  f.settle(6, 6);
  CHECK(f.take_refusal() == ErrorCode::unknown_delivery);
  f.settle(10, 10);
  f.give(Unsubscribe{f.caller(), 1});
  f.persist();
  CHECK(f.queue("q").acked == 5);  // 6 to 10
  f.persists = true;
  f.give(ChannelClosed{f.caller()});
  CHECK(f.drain("q") == std::vector<std::uint64_t>{1, 2, 3, 4, 5});
}

TEST_CASE("messages that come back in several calls come in their old order, once, and as often delivered") {
  Held f;
  f.give(Unsubscribe{f.caller(), 1});
  f.settle_all(Outcome::requeue);
  f.persist();
  CHECK(f.queue("q").ready == messages);
  f.subscribe("q");
  f.persist();
  for (const Deliver& delivery : f.take<Deliver>()) CHECK(delivery.deliveries == 1);
  f.persists = true;
  f.give(ChannelClosed{f.caller()});
  CHECK(f.drain("q") == f.all());
}

TEST_CASE("a channel that is closed gives back in several calls what it held") {
  Held f;
  f.give(ChannelClosed{f.caller()});
  CHECK(f.broker().next_due() == 0);
  f.persist();
  CHECK(f.queue("q").ready == messages);
  f.persists = true;
  CHECK(f.drain("q") == f.all());
}

TEST_CASE("what was given back counts as ready at once, and nothing overtakes it") {
  Held f;
  f.persists = true;
  f.subscribe("q", 2, 1, false, f.caller(2));
  f.publish("q");
  f.publish("q");
  f.persists = false;
  f.sends.clear();
  f.settle_all(Outcome::requeue);
  CHECK(f.queue("q").ready >= messages);
  CHECK(f.queue("q").unsettled == 1);
  f.give(Get{f.caller(3), "q", true});
  CHECK(f.take<GotMessage>().empty());
  CHECK(f.take<GotNothing>().empty());
  f.persist();
  CHECK(f.take_one<GotMessage>().has_value());
  const auto delivered = f.take_delivered();
  CHECK(std::is_sorted(delivered.begin(), delivered.end()));
  CHECK(delivered.size() == messages);  // one of the twelve was got, and one is with the second consumer
}

TEST_CASE("a purge purges what was given back, a queue is deleted with it, and one that has some is not empty") {
  Held f;
  f.give(Unsubscribe{f.caller(), 1});
  f.settle_all(Outcome::requeue);
  f.give(DeleteQueue{f.caller(2), "q", false, true});
  CHECK(f.take_refusal() == ErrorCode::not_empty);
  f.give(PurgeQueue{f.caller(2), "q"});
  f.persist();
  CHECK(f.queue("q").purged == messages);
  CHECK(f.queue("q").ready == 0);

  f.publish("q");
  f.subscribe("q");
  f.persist();
  f.settle_all(Outcome::requeue);
  f.give(DeleteQueue{f.caller(2), "q", false, false});
  f.persist();
  CHECK(f.broker().next_due() > f.now);
}

TEST_CASE("the last checkpoint finds everything settled, so that an orderly stop has exact counts") {
  Held f;
  f.give(ConnectionClosed{ConnectionId(1)});
  CHECK(f.broker().next_due() == 0);
  f.begin_checkpoint(true);
  CHECK(f.broker().next_due() > f.now);
  f.finish_checkpoint();
  f.persists = true;
  f.restart(true);
  CHECK(f.queue("q").ready == messages);
  f.subscribe("q");
  for (const Deliver& delivery : f.take<Deliver>()) CHECK(delivery.deliveries == 1);
}

TEST_CASE("a checkpoint amid what comes back has all of it, and does not wait for it") {
  for (const bool crashes : {false, true}) {
    Held f;
    f.give(ConnectionClosed{ConnectionId(1)});
    f.begin_checkpoint();
    CHECK(f.broker().next_due() == 0);
    f.finish_checkpoint();
    f.persist();
    f.persists = true;
    if (crashes) f.restart(false);
    CHECK(f.drain("q") == f.all());
  }
}

TEST_CASE("what was given back is purged in the purge's turn, and what it held is as if settled") {
  Held f;
  f.settle_all(Outcome::requeue);
  f.records.clear();
  f.give(PurgeQueue{f.caller(2), "q"});
  REQUIRE(f.records.size() == 1);
  const auto* removed = std::get_if<Removed>(&f.records.front());
  REQUIRE(removed != nullptr);
  CHECK(removed->seqs.first == 1);
  CHECK(removed->seqs.last == messages);
  f.publish("q");  // is not held up by what is gone
  f.persist();
  CHECK(f.take_delivered() == std::vector<std::uint64_t>{messages + 1});
  CHECK(f.queue("q").unsettled == 1);
  CHECK(f.queue("q").size_bytes == 100);
  CHECK(f.queue("q").purged == messages);
  f.give(ChannelClosed{f.caller()});
  f.persist();
  CHECK(f.queue("q").ready == 1);
}

TEST_CASE("what is settled while a checkpoint is written finds its new places") {
  for (const Outcome outcome : {Outcome::ack, Outcome::requeue}) {
    Held f;
    f.persists = true;
    f.begin_checkpoint();
    f.persists = false;
    f.give(Unsubscribe{f.caller(), 1});
    f.settle_all(outcome);
    f.finish_checkpoint();
    f.persist();
    f.persists = true;
    CHECK(f.drain("q") == (outcome == Outcome::ack ? std::vector<std::uint64_t>() : f.all()));
  }
}

TEST_CASE("a transaction settles all it names in its own turn, however many") {
  Held f;
  const TransactionOp all = SettleOp{f.caller().channel, 1, messages, true, Outcome::ack};
  f.records.clear();
  f.give(Transaction{f.caller(), {&all, 1}});
  CHECK(f.records.size() == 1);  // of all ten
  CHECK(f.broker().next_due() > f.now);
  f.persist();
  CHECK(f.queue("q").acked == messages);
}

}  // namespace tandem::core
