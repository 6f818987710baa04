// Several operations in one turn: all of them or none.
#include <set>

#include "broker/base/limits.h"
#include "doctest/doctest.h"
#include "tests/support/core_fixture.h"

namespace tandem::core {
namespace {

struct TransactionFixture : CoreFixture {
  TransactionFixture() {
    declare_queue("in");
    declare_queue("out");
    give(CreateTopic{.who = caller(), .name = "t", .partitions = 1});
    subscribe("in");
    publish("in");
    publish("in");
    sends.clear();
    records.clear();
  }
  BatchView batch() {
    return {.body = BodyHandle{1000}, .size_bytes = 80, .record_count = 2, .max_timestamp = now};
  }
  void run(const std::vector<TransactionOp>& operations) { give(Transaction{caller(), operations}); }
};

TEST_CASE("settles, publishes, appends and commits happen in one turn, and its answer waits for the disk") {
  TransactionFixture f;
  f.persists = false;
  const TestMessage out{.key = "out"};
  f.run({SettleOp{f.caller().channel, 1, 1}, PublishOp{false, f.view_of(out)}, AppendOp{"t", 0, f.batch()},
         CommitOffsetOp{"g", "t", 0, 2, "m"}});
  CHECK(f.records.size() == 4);
  CHECK(f.take<Committed>().empty());
  f.persist();
  const auto committed = f.take_one<Committed>();
  REQUIRE(committed);
  CHECK(committed->append_offsets == std::vector<Offset>{0});
  CHECK(f.queue("in").unsettled == 1);
  CHECK(f.queue("out").ready == 1);
}

TEST_CASE("when one operation is refused none is done, and the refusal says which") {
  TransactionFixture f;
  const TestMessage out{.key = "out"};
  const TestMessage nowhere{.exchange = "nowhere"};
  struct Bad {
    TransactionOp operation;
    ErrorCode code;
  };
  for (const Bad& bad : {Bad{SettleOp{f.caller().channel, 9, 9}, ErrorCode::unknown_delivery},
                         Bad{SettleOp{f.caller().channel, 1, 1}, ErrorCode::unknown_delivery},
                         Bad{PublishOp{false, f.view_of(nowhere)}, ErrorCode::not_found},
                         Bad{AppendOp{"t", 0, f.batch(), 7}, ErrorCode::version_conflict},
                         Bad{AppendOp{"missing", 0, f.batch()}, ErrorCode::not_found}}) {
    const MessageView view =
        std::holds_alternative<PublishOp>(bad.operation) ? f.view_of(nowhere) : f.view_of(out);
    (void)view;
    f.run({SettleOp{f.caller().channel, 1, 1}, bad.operation});
    const auto refused = f.take_one<Refused>();
    REQUIRE(refused);
    CHECK(refused->refusal.code == bad.code);
    CHECK(refused->operation == 1);
    CHECK(f.records.empty());
  }
  CHECK(f.queue("in").unsettled == 2);
}

TEST_CASE("a volatile publish of a transaction is not seen before the transaction is on disk") {
  TransactionFixture f;
  f.persists = false;
  const TestMessage out{.key = "out", .persistent = false};
  f.run({PublishOp{false, f.view_of(out)}, SettleOp{f.caller().channel, 1, 2}});
  CHECK(f.queue("out").ready == 0);
  f.persist();
  CHECK(f.queue("out").ready == 1);
}

TEST_CASE("a transaction settles a limited number of messages, each counted once") {
  TransactionFixture f;
  constexpr auto settles_max = limits::transaction_settles_max;
  for (std::size_t i = 2; i <= settles_max; ++i) {  // two are there
    f.publish("in");
    f.sends.clear();
  }
  REQUIRE(f.queue("in").unsettled == settles_max + 1);
  const ChannelId channel = f.caller().channel;
  f.take<Deliver>();
  f.run({SettleOp{channel, 1, 1}, SettleOp{channel, 0, 0, true}});
  const auto refused = f.take_one<Refused>();
  REQUIRE(refused);
  CHECK(refused->refusal.code == ErrorCode::limit_reached);
  CHECK(refused->refusal.detail == "a transaction settles at most 10000 messages");
  CHECK(refused->operation == 1);
  CHECK(f.queue("in").unsettled == settles_max + 1);
  f.run({SettleOp{channel, 0, 7, true}, SettleOp{channel, 0, settles_max / 2, true}, SettleOp{channel, 0, 9, true, Outcome::ack, true},
         SettleOp{channel, 0, settles_max, true}});
  CHECK(f.take_one<Committed>());
  CHECK(f.queue("in").unsettled == 1);
}

TEST_CASE("a full queue that rejects refuses the transaction, counting what it publishes itself") {
  TransactionFixture f;
  f.declare_queue("small", {{"x-max-length", 1}, {"x-overflow", "reject-publish"}});
  f.sends.clear();
  const TestMessage small{.key = "small"};
  const MessageView view = f.view_of(small);
  f.run({PublishOp{false, view}, PublishOp{false, view}});
  const auto refused = f.take_one<Refused>();
  REQUIRE(refused);
  CHECK(refused->refusal.code == ErrorCode::rejected_by_queue);
  CHECK(refused->operation == 1);
  CHECK(f.queue("small").ready == 0);
}

TEST_CASE("after a crash at any point a transaction happened whole or not at all") {
  for (const bool is_persisted : {false, true}) {
    TransactionFixture f;
    f.persists = false;
    const TestMessage out{.key = "out"};
    f.run(
        {SettleOp{f.caller().channel, 1, 2}, PublishOp{false, f.view_of(out)}, AppendOp{"t", 0, f.batch()}});
    if (is_persisted) f.persist();
    f.persists = true;
    f.restart(false);
    CHECK(f.drain("in").size() == (is_persisted ? 0 : 2));
    CHECK(f.drain("out").size() == (is_persisted ? 1 : 0));
  }
}

}  // namespace
}  // namespace tandem::core
