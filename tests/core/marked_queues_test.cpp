// Which queues are looked at first when one call cannot look at all that want it.
#include "doctest/doctest.h"
#include "tests/support/core_fixture.h"

namespace tandem::core {
namespace {

constexpr int limited_queues = 100;

/// A hundred queues with one message too many, of which a call drops eight at most; nothing goes on by itself.
class Overflowing : public CoreFixture {
 public:
  Overflowing() : CoreFixture(eight_at_once()) {
    declare_exchange("fan", ExchangeKind::fanout);
    for (int i = 0; i < limited_queues; ++i) {
      declare_queue(name_of(i), {{"x-max-length", 1}});
      bind("fan", name_of(i), "");
    }
    declare_queue("q");
    persists = false;
  }
  static std::string name_of(int i) { return "limited." + std::to_string(i); }
  void publish_volatile(const char* exchange, const char* key) { publish({.exchange = exchange, .key = key, .persistent = false}); }
  void overflow() {
    while (queue(name_of(limited_queues - 1)).ready < 2) publish_volatile("fan", "");
  }
  void finish_all() {
    persists = true;
    persist();
  }

 private:
  static BrokerOptions eight_at_once() {
    BrokerOptions options;
    options.deliveries_per_call_max = 8;
    return options;
  }
};

}  // namespace

TEST_CASE("a message that somebody waits for does not wait for queues of which nobody does") {
  Overflowing f;
  f.subscribe("q");
  f.persist();
  f.overflow();
  f.publish_volatile("", "q");
  CHECK(f.take<Deliver>().size() == 1);
  CHECK(f.broker().next_due() == 0);  // the others wait
  f.finish_all();
  for (int i = 0; i < limited_queues; ++i) CHECK(f.queue(f.name_of(i)).ready == 1);
}

TEST_CASE("a queue for which somebody comes to wait is looked at before the others, and once") {
  Overflowing f;
  f.overflow();
  f.publish_volatile("", "q");  // it is the last of them
  f.subscribe("q", 1, 0, true);
  f.persist();
  REQUIRE(f.take<Deliver>().size() == 1);
  f.overflow();
  f.give(Unsubscribe{f.caller(), 1});
  f.publish_volatile("", "q");
  f.finish_all();
  CHECK(f.queue("q").ready == 1);
  f.give(Get{f.caller(), "q", true});
  CHECK(f.take<GotMessage>().size() == 1);
}

TEST_CASE("what is too much goes, however much is delivered") {
  Overflowing f;
  f.subscribe("q", 1, 0, true);
  f.persist();
  f.give(ConnectionWritable{ConnectionId(1), false});
  for (int i = 0; i < 1'000; ++i) f.publish_volatile("", "q");
  f.give(ConnectionWritable{ConnectionId(1), true});
  for (int i = 0; i < 20; ++i) f.publish_volatile("", "limited.0");
  CHECK(f.queue("limited.0").ready == 1);
  CHECK(f.take<Deliver>().size() > 50);
  CHECK(f.queue("q").ready > 0);
  f.finish_all();
}

}  // namespace tandem::core
