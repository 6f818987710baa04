#include "tandem/transaction.h"

#include <doctest/doctest.h>

#include <asio/use_future.hpp>
#include <map>

#include "client/driver.h"
#include "schemas/batch.h"
#include "tests/client/fake_broker.h"

using namespace tandem;
using namespace tandem::testing;
using namespace std::chrono_literals;

namespace {

struct TransactionLog {
  std::mutex mutex;
  std::vector<std::string> operations;
  std::map<fb::Outcome, int> settled;  // outside of transactions
  ErrorCode refusal = ErrorCode::none;
  std::atomic<bool> answering{true};

  void operator()(FakeBroker& broker, const fb::Envelope& said, Bytes payload) {
    std::lock_guard lock(mutex);
    if (const auto* settle = said.message_as_Settle()) ++settled[settle->outcome()];
    const auto* transaction = said.message_as_Transaction();
    if (!transaction) return broker.answer_ok(said);
    for (const auto* entry : *transaction->operations()) describe(*entry, payload);
    if (!answering) return;
    if (refusal != ErrorCode::none)
      return broker.answer(said, [&](auto& b) {
        return fb::CreateRefusedDirect(b, static_cast<std::uint16_t>(refusal), "no", nullptr, nullptr, 1);
      });
    const std::vector<std::int64_t> offsets{42};
    broker.answer(said, [&](auto& b) { return fb::CreateCommittedDirect(b, &offsets); });
  }

  void describe(const fb::OperationEntry& entry, Bytes& payload) {
    if (const auto* settle = entry.operation_as_SettleOp())
      operations.push_back("settle " + std::to_string(settle->channel()) + ":" +
                           std::to_string(settle->ranges()->Get(0)->first()));
    if (const auto* publish = entry.operation_as_PublishOp()) {
      const auto parts = parse_message(payload.first(publish->size()));
      operations.push_back("publish " + std::string(text_of(parts->body)) +
                           (publish->mandatory() ? "!" : ""));
      payload = payload.subspan(publish->size());
    }
    if (const auto* append = entry.operation_as_AppendOp()) {
      const auto header = judge_batch(payload.first(append->size()));
      operations.push_back("append " + append->topic()->str() + " " + std::to_string(header->record_count) +
                           " at " + std::to_string(append->expected_end()));
      payload = payload.subspan(append->size());
    }
    if (const auto* commit = entry.operation_as_CommitOffsetOp())
      operations.push_back("commit " + commit->group()->str() + " " + std::to_string(commit->offset()));
  }
};

struct TransactionRig {
  TransactionLog log;
  FakeBroker broker{
      [this](FakeBroker& self, const fb::Envelope& said, Bytes payload) { log(self, said, payload); }};
  Client client;
  Consumer consumer;

  explicit TransactionRig(bool reconnects = true) {
    auto options = broker.options();
    options.reconnect.enabled = reconnects;
    auto connected = Client::connect(options);
    REQUIRE(connected);
    client = *connected;
    consumer = Consumer::open(client, {.queue = "q"}).value();
    broker.deliver(1, 5, {"work"});
  }
  Delivery delivery() { return consumer.receive(5s).value(); }
  int settled(fb::Outcome outcome) {
    REQUIRE(consumer.flush());
    std::lock_guard lock(log.mutex);
    return log.settled[outcome];
  }
};

}  // namespace

TEST_CASE("all operations travel in one request, in their order, and the commit settles the delivery") {
  TransactionRig rig;
  Transaction transaction(rig.client);
  const std::vector<Record> records{{.value = "r"}, {.value = "s"}};
  transaction.ack(rig.delivery())
      .publish(Message{.routing_key = "out", .body = "result"}, Mandatory::yes)
      .append("t", 0, records, 40)
      .commit_offset("g", "t", 0, 42);
  const auto committed = transaction.commit();
  REQUIRE(committed);
  CHECK(committed->append_offsets == std::vector<Offset>{42});
  CHECK(rig.log.operations ==
        std::vector<std::string>{"settle 1:5", "publish result!", "append t 2 at 40", "commit g 42"});
  CHECK(rig.settled(fb::Outcome::requeue) == 0);
  CHECK(rig.settled(fb::Outcome::ack) == 0);
}

TEST_CASE("a refused transaction names the operation and gives the delivery back") {
  TransactionRig rig;
  rig.log.refusal = ErrorCode::version_conflict;
  Transaction transaction(rig.client);
  transaction.ack(rig.delivery()).publish(Message{.routing_key = "out"});
  CHECK(transaction.commit().error() == Error{ErrorCode::version_conflict, "no (operation 1)"});
  CHECK(rig.settled(fb::Outcome::requeue) == 1);
}

TEST_CASE("a transaction that is never committed gives its deliveries back") {
  TransactionRig rig;
  {
    Transaction transaction(rig.client);
    transaction.ack(rig.delivery());
  }
  CHECK(rig.settled(fb::Outcome::requeue) == 1);
  CHECK(rig.log.operations.empty());
}

TEST_CASE("a delivery of a connection that is gone cannot be committed") {
  TransactionRig rig;
  Transaction transaction(rig.client);
  transaction.ack(rig.delivery());
  rig.broker.drop();
  REQUIRE(rig.broker.wait_for([&] { return rig.broker.connections() == 2 && rig.client.connected(); }));
  CHECK(transaction.commit().error().code == ErrorCode::unknown_delivery);
  CHECK(rig.log.operations.empty());
}

TEST_CASE("a transaction in flight when the connection breaks has an unknown outcome and is not sent again") {
  TransactionRig rig;
  rig.log.answering = false;
  Transaction transaction(rig.client);
  transaction.publish(Message{.routing_key = "out", .body = "once"});
  auto committed = transaction.commit(asio::use_future);
  REQUIRE(rig.broker.wait_for([&] {
    std::lock_guard lock(rig.log.mutex);
    return rig.log.operations.size() == 1;
  }));
  rig.broker.drop();
  CHECK(committed.get().error().code == ErrorCode::unavailable);
  CHECK(rig.log.operations.size() == 1);
}

TEST_CASE("a transaction in flight at the client's end does not keep it alive") {
  TransactionRig rig(false);
  rig.log.answering = false;
  const std::weak_ptr<client::Driver> alive = rig.client.driver()->weak_from_this();
  auto committed = [&] {
    Transaction transaction(rig.client);
    transaction.ack(rig.delivery());
    return transaction.commit(asio::use_future);
  }();
  REQUIRE(rig.broker.wait_for([&] {
    std::lock_guard lock(rig.log.mutex);
    return !rig.log.operations.empty();
  }));
  rig.broker.drop();
  CHECK(committed.get().error().code == ErrorCode::unavailable);
  rig.consumer = Consumer();
  rig.client = Client();
  CHECK(rig.broker.wait_for([&] { return alive.expired(); }));
}

TEST_CASE("what cannot be put in is said at the commit, and nothing is sent") {
  TransactionRig rig;
  Transaction invalid(rig.client);
  invalid.publish(Message{.routing_key = std::string(300, 'k')}).publish(Message{.routing_key = "fine"});
  CHECK(invalid.commit().error().code == ErrorCode::invalid_argument);

  Transaction many(rig.client);
  for (int i = 0; i <= 10'000; ++i) many.commit_offset("g", "t", 0, i);
  CHECK(many.commit().error().code == ErrorCode::limit_reached);

  Transaction large(rig.client);
  for (int i = 0; i < 3; ++i) large.publish(Message{.routing_key = "q", .body = std::string(12u << 20, 'x')});
  CHECK(large.commit().error().code == ErrorCode::too_large);
  CHECK(rig.log.operations.empty());

  large.publish(Message{.routing_key = "q", .body = "small"});  // the draft is empty after a commit
  CHECK(large.commit());
}
