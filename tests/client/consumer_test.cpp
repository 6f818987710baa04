#include "tandem/consumer.h"

#include <doctest/doctest.h>

#include <asio/use_future.hpp>
#include <map>

#include "tests/client/fake_broker.h"

using namespace tandem;
using namespace tandem::testing;
using namespace std::chrono_literals;

namespace {

/// Grants subscriptions, remembers settles.
struct SettleLog {
  std::mutex mutex;
  std::map<fb::Outcome, std::vector<std::pair<std::uint64_t, std::uint64_t>>> settled;
  int subscriptions = 0, ends = 0, frames = 0;
  bool closed = false;
  std::atomic<bool> refusing{false};

  void operator()(FakeBroker& broker, const fb::Envelope& said, Bytes) {
    std::lock_guard lock(mutex);
    if (said.message_as_Subscribe()) {
      ++subscriptions;
      if (refusing) return broker.refuse(said, ErrorCode::not_found, "no queue 'q'");
    }
    if (const auto* settle = said.message_as_Settle()) {
      ++frames;
      for (const auto* range : *settle->ranges())
        settled[settle->outcome()].emplace_back(range->first(), range->last());
    }
    if (said.message_as_Unsubscribe()) ++ends;
    if (said.message_as_CloseChannel()) closed = true;
    if (said.correlation() != 0) broker.answer_ok(said);
  }
  std::size_t count(fb::Outcome outcome) {
    std::lock_guard lock(mutex);
    std::size_t all = 0;
    for (const auto& [first, last] : settled[outcome]) all += last - first + 1;
    return all;
  }
};

struct ConsumerRig {
  SettleLog log;
  FakeBroker broker{
      [this](FakeBroker& self, const fb::Envelope& said, Bytes payload) { log(self, said, payload); }};
  Client client;

  ConsumerRig() {
    auto connected = Client::connect(broker.options());
    REQUIRE(connected);
    client = *connected;
  }
  Consumer consume(ConsumerOptions options = {.queue = "q"}) {
    auto consumer = Consumer::open(client, std::move(options));
    REQUIRE(consumer);
    return *consumer;
  }
};

}  // namespace

TEST_CASE("a delivery is received with its parts and acked on disk") {
  ConsumerRig rig;
  auto consumer = rig.consume();
  rig.broker.deliver(1, 1, {"hello", "world"});
  auto first = consumer.receive(5s);
  REQUIRE(first);
  CHECK(first->body() == "hello");
  CHECK(first->routing_key() == "q");
  CHECK(first->properties()->delivery_mode == 2);
  CHECK_FALSE(first->redelivered());
  auto second = consumer.receive(5s);
  REQUIRE(second);
  first->ack();
  second->ack();
  CHECK(consumer.flush());
  CHECK(rig.log.count(fb::Outcome::ack) == 2);
  CHECK(consumer.receive(1ms).error().code == ErrorCode::timed_out);
}

TEST_CASE("each delivery is settled exactly once, and requeued when nobody does") {
  ConsumerRig rig;
  auto consumer = rig.consume();
  rig.broker.deliver(1, 1, {"a", "b", "c", "d"});
  {
    auto acked = consumer.receive(5s);
    REQUIRE(acked);
    acked->ack();
    acked->ack();
    acked->reject();
    auto rejected = consumer.receive(5s);
    rejected->reject();
    auto moved = consumer.receive(5s);
    Delivery kept = std::move(*moved);
    auto overwritten = consumer.receive(5s);
    kept = std::move(*overwritten);  // requeues what it held
  }
  CHECK(consumer.flush());
  CHECK(rig.log.count(fb::Outcome::ack) == 1);
  CHECK(rig.log.count(fb::Outcome::reject) == 1);
  CHECK(rig.log.count(fb::Outcome::requeue) == 2);
}

TEST_CASE("many deliveries are received and acked together in few frames") {
  ConsumerRig rig;
  auto consumer = rig.consume({.queue = "q", .prefetch = 0});
  std::vector<std::string> bodies(1'000, "x");
  for (std::uint64_t i = 0; i < 10; ++i) rig.broker.deliver(1, 1 + i * 1'000, bodies);
  std::vector<Delivery> deliveries;
  std::size_t received = 0;
  while (received < 10'000) {
    const auto count = consumer.receive_many(deliveries, 700, 5s);
    REQUIRE(count);
    REQUIRE(*count <= 700);
    received += *count;
    Consumer::ack_all(deliveries);
    REQUIRE(deliveries.empty());
  }
  CHECK(consumer.flush());
  CHECK(rig.log.count(fb::Outcome::ack) == 10'000);
  CHECK(rig.log.frames <= 16);
}

TEST_CASE("a delivery's bytes outlive its consumer and its client") {
  Delivery kept;
  {
    ConsumerRig rig;
    auto consumer = rig.consume();
    rig.broker.deliver(1, 1, {std::string(1'000, 'k')});
    kept = consumer.receive(5s).value();
    CHECK(rig.client.close());
  }
  CHECK(kept.body() == std::string(1'000, 'k'));
  kept.ack();  // nothing left to settle
}

TEST_CASE("a waiting receive completes in every form") {
  ConsumerRig rig;
  auto consumer = rig.consume();
  auto awaited = consumer.receive(5s, asio::use_future);
  std::promise<std::string> called;
  consumer.receive(5s, [&](Result<Delivery> delivery) { called.set_value(std::string(delivery->body())); });
  CHECK(consumer.receive(1ms, asio::use_future).get().error().code == ErrorCode::timed_out);
  rig.broker.deliver(1, 1, {"first", "second"});
  CHECK(awaited.get()->body() == "first");
  CHECK(called.get_future().get() == "second");
}

TEST_CASE("many are received together in every form, as many as are there and asked for") {
  ConsumerRig rig;
  auto consumer = rig.consume();
  auto awaited = consumer.receive_many(2, 5s, asio::use_future);
  rig.broker.deliver(1, 1, {"1", "2", "3"});
  const auto first = awaited.get();
  REQUIRE(first->size() == 2);
  CHECK(first->back().body() == "2");
  CHECK(consumer.receive_many(2, 5s, asio::use_future).get()->size() == 1);
  CHECK(consumer.receive_many(0, 5s, asio::use_future).get()->empty());
  CHECK(consumer.receive_many(2, 1ms, asio::use_future).get().error().code == ErrorCode::timed_out);
}

TEST_CASE("a callback takes every delivery") {
  ConsumerRig rig;
  std::promise<void> done;
  std::vector<std::string> bodies;
  ConsumerOptions options{.queue = "q"};
  options.on_delivery = [&](Delivery delivery) {
    bodies.emplace_back(delivery.body());
    delivery.ack();
    if (bodies.size() == 3) done.set_value();
  };
  auto consumer = rig.consume(options);
  rig.broker.deliver(1, 1, {"a", "b"});
  rig.broker.deliver(1, 3, {"c"});
  done.get_future().get();
  CHECK(bodies == std::vector<std::string>{"a", "b", "c"});
  CHECK(consumer.flush());
  CHECK(rig.log.count(fb::Outcome::ack) == 3);
}

TEST_CASE("a refused subscription is an error, and its channel is free again") {
  ConsumerRig rig;
  rig.log.refusing = true;
  CHECK(Consumer::open(rig.client, {.queue = "q"}).error() == Error{ErrorCode::not_found, "no queue 'q'"});
  CHECK(Consumer::open(rig.client, {}).error().code == ErrorCode::invalid_argument);
}

TEST_CASE("after a reconnect the consumer is subscribed again and old deliveries are not settled") {
  ConsumerRig rig;
  auto consumer = rig.consume();
  rig.broker.deliver(1, 1, {"old", "unseen"});
  auto old = consumer.receive(5s);
  REQUIRE(old);
  rig.broker.drop();
  REQUIRE(rig.broker.wait_for([&] {
    std::lock_guard lock(rig.log.mutex);
    return rig.log.subscriptions == 2;
  }));
  old->ack();
  CHECK(consumer.flush().error().code == ErrorCode::unavailable);  // that ack is not on any disk
  rig.broker.deliver(1, 1, {"new"});
  auto fresh = consumer.receive(5s);
  REQUIRE(fresh);
  CHECK(fresh->body() == "new");  // what was not seen before comes again from the broker
  fresh->ack();
  CHECK(consumer.flush());
  CHECK(rig.log.count(fb::Outcome::ack) == 1);
}

TEST_CASE("a requeue after the connection broke is no lost settle, whatever the form") {
  ConsumerRig rig;
  auto consumer = rig.consume();
  rig.broker.deliver(1, 1, {"given back", "acked with others"});
  std::vector<Delivery> old(1);
  auto given_back = consumer.receive(5s);
  old[0] = consumer.receive(5s).value();
  rig.broker.drop();
  REQUIRE(rig.broker.wait_for([&] {
    std::lock_guard lock(rig.log.mutex);
    return rig.log.subscriptions == 2;
  }));
  given_back->requeue();
  CHECK(consumer.flush());
  Consumer::ack_all(old);
  CHECK(consumer.flush().error().code == ErrorCode::unavailable);
  CHECK(consumer.flush());  // it was said once
}

TEST_CASE("a consumer that was stopped settles what it has got, and does not subscribe again") {
  ConsumerRig rig;
  auto consumer = rig.consume();
  rig.broker.deliver(1, 1, {"a", "b"});
  auto first = consumer.receive(5s);
  REQUIRE(first);
  CHECK(consumer.stop());
  CHECK(consumer.stop());
  CHECK(rig.log.ends == 1);
  auto second = consumer.receive(5s);
  REQUIRE(second);
  first->ack();
  second->ack();
  CHECK(consumer.flush());
  CHECK(rig.log.count(fb::Outcome::ack) == 2);
  rig.broker.drop();
  auto other = rig.consume();  // once this is there, the client is connected again
  CHECK(rig.log.subscriptions == 2);
  CHECK(consumer.close());
  CHECK(consumer.stop().error().code == ErrorCode::unavailable);
}

TEST_CASE("a deleted queue ends its consumer") {
  ConsumerRig rig;
  auto consumer = rig.consume();
  auto waiting = consumer.receive(5s, asio::use_future);
  rig.broker.say(make_frame({0, 1}, [](auto& b) { return fb::CreateConsumerCancelled(b, 1); }));
  CHECK(waiting.get().error().code == ErrorCode::not_found);
  CHECK(consumer.receive(5s).error().code == ErrorCode::not_found);
}

TEST_CASE("a closed consumer gives up its channel after its settles, and so does one nobody holds any more") {
  ConsumerRig rig;
  {
    auto consumer = rig.consume();
    rig.broker.deliver(1, 1, {"a"});
    consumer.receive(5s)->ack();
    CHECK(consumer.close());
    CHECK(rig.log.count(fb::Outcome::ack) == 1);
    CHECK(consumer.receive(1s).error().code == ErrorCode::unavailable);
  }
  rig.log.closed = false;
  { auto dropped = rig.consume(); }
  CHECK(rig.broker.wait_for([&] {
    std::lock_guard lock(rig.log.mutex);
    return rig.log.closed;
  }));
}

TEST_CASE("a delivery the broker could not read says so and can be settled") {
  ConsumerRig rig;
  auto consumer = rig.consume();
  const std::vector<fb::DeliverItem> items{
      {1, 1, 1, 0, 2, static_cast<std::uint16_t>(fb::DeliverFlag::unreadable)}};
  rig.broker.say(make_frame({0, 1}, [&](auto& b) { return fb::CreateDeliverDirect(b, &items); }));
  auto delivery = consumer.receive(5s);
  REQUIRE(delivery);
  CHECK(delivery->unreadable());
  CHECK(delivery->earlier_deliveries() == 2);
  delivery->reject();
  CHECK(consumer.flush());
  CHECK(rig.log.count(fb::Outcome::reject) == 1);
}

TEST_CASE("single messages are got, or there is none") {
  std::atomic<int> gets{0};
  const auto message = stored("q", "got");
  FakeBroker broker([&](FakeBroker& self, const fb::Envelope& said, Bytes) {
    if (!said.message_as_Get()) return self.answer_ok(said);
    if (gets++ == 0)
      self.answer(
          said, [](auto& b) { return fb::CreateGotMessage(b, 9, 1, 4); }, Bytes(message));
    else
      self.answer(said, [](auto& b) { return fb::CreateGotNothing(b); });
  });
  auto client = Client::connect(broker.options());
  REQUIRE(client);
  auto getter = Getter::open(*client);
  REQUIRE(getter);
  {
    auto got = getter->get("q");
    REQUIRE(got);
    REQUIRE(*got);
    CHECK((*got)->body() == "got");
    CHECK((*got)->redelivered());
    (*got)->ack();
  }
  CHECK(getter->flush());
  auto nothing = getter->get("q");
  REQUIRE(nothing);
  CHECK_FALSE(*nothing);
}
