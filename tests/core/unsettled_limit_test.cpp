// What one connection may hold without settling it.
#include "doctest/doctest.h"
#include "tests/support/core_fixture.h"

namespace tandem::core {
namespace {

constexpr std::uint32_t held_max = 16;

BrokerOptions few_unsettled() {
  BrokerOptions options;
  options.unsettled_per_connection_max = held_max;
  return options;
}

Caller channel(std::uint16_t number) {
  return CoreFixture::caller(1, number);
}

/// A connection that holds as much as it may, on two channels, and a queue with more.
class Full : public CoreFixture {
 public:
  Full() : CoreFixture(few_unsettled()) {
    declare_queue("q");
    subscribe("q", 1, 0, false, channel(1));
    subscribe("q", 1, 0, false, channel(2));
    for (int i = 0; i < 40; ++i) publish(TestMessage{"", "q"}, false, caller(2));
    REQUIRE(take<Deliver>().size() == held_max);
  }
  std::size_t delivered() { return take<Deliver>().size(); }
};

}  // namespace

TEST_CASE("a connection holds so many unsettled deliveries at most, and gets more when one of eight is settled") {
  Full f;
  CHECK(f.broker().unsettled_bytes(ConnectionId(1)) >= held_max * sizeof(QueueEntry));
  f.settle(1, 1, Outcome::ack, channel(1));
  CHECK(f.delivered() == 0);
  f.settle(1, 1, Outcome::ack, channel(2));
  CHECK(f.delivered() == 2);
  CHECK(f.queue("q").unsettled == held_max);
  f.give(Settle{channel(1), 0, 0, true, Outcome::ack});
  CHECK(f.delivered() > 0);
}

TEST_CASE("what a full connection does not get, another one does") {
  Full f;
  f.subscribe("q", 1, 5, false, CoreFixture::caller(3));
  CHECK(f.delivered() == 5);
  f.subscribe("q", 2, 0, true, channel(3));  // without acks nothing is held
  CHECK(f.delivered() == 40 - held_max - 5);
}

TEST_CASE("a Get beyond the limit is refused, one without an ack is not") {
  Full f;
  f.give(Get{channel(3), "q"});
  CHECK(f.take_refusal() == ErrorCode::limit_reached);
  f.give(Get{channel(3), "q", true});
  CHECK(f.take_one<GotMessage>());
  CHECK(f.queue("q").unsettled == held_max);
}

TEST_CASE("a channel that closes makes room for its connection's others") {
  Full f;
  f.give(ChannelClosed{channel(1)});
  CHECK(f.delivered() == held_max / 2);
  f.give(ConnectionClosed{ConnectionId(1)});
  CHECK(f.broker().unsettled_bytes(ConnectionId(1)) == 0);
  CHECK(f.queue("q").ready == 40);
}

TEST_CASE("what a cancelled consumer held is settled later, and gives no credit to another one of its number") {
  CoreFixture f;
  f.declare_queue("q");
  f.subscribe("q", 1, 2);
  for (int i = 0; i < 6; ++i) f.publish("q");
  CHECK(f.take<Deliver>().size() == 2);
  f.give(Unsubscribe{f.caller(), 1});
  f.subscribe("q", 1, 1);
  CHECK(f.take<Deliver>().size() == 1);
  f.settle(1, 1);
  CHECK(f.take<Deliver>().empty());
  f.settle(2, 2, Outcome::requeue);
  CHECK(f.take<Deliver>().empty());
  f.settle(3, 3);
  const auto back = f.take_one<Deliver>();
  REQUIRE(back);
  CHECK(back->deliveries == 1);
  CHECK(f.queue("q").acked == 2);
}

}  // namespace tandem::core
