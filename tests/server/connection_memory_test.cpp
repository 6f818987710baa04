// What connections hold together is bounded (broker/server/loop_memory.cpp).
#include <doctest/doctest.h>

#include "tests/server/loop_fixture.h"

namespace tandem::server {

namespace {

/// Turns of the loop until `what` holds, for some seconds at the most.
template <class Condition>
bool comes_true(LoopFixture& t, Condition what) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!what() && std::chrono::steady_clock::now() < end) t.settle();
  return what();
}

void publish(LoopFixture& t, LineClient& publisher, const std::string& queue, int count, std::size_t size_bytes) {
  t.ask(publisher, "declare " + queue);
  for (int i = 0; i < count; ++i)
    REQUIRE(t.ask(publisher, "publish " + queue + " " + std::string(size_bytes, 'x')).find("confirmed") == 0);
}

}  // namespace

TEST_CASE("when connections hold too much together, the one that holds most is closed, and what it held goes to others") {
  LoopFixture t;
  LineClient publisher(t.loop), small(t.loop), large(t.loop), reader(t.loop);
  publish(t, publisher, "little", 8, 60'000);
  publish(t, publisher, "much", 16, 60'000);
  small.say("subscribe little");
  large.say("subscribe much");
  t.settle();
  t.persist();
  t.loop.set_connection_memory(1'600'000);  // both have what they get
  REQUIRE(t.loop.memory_is_short());
  t.loop.set_connection_memory(700'000);
  const auto has_ended = [&] {
    large.heard();
    return large.at_end();
  };
  CHECK(comes_true(t, [&] { return !t.loop.memory_is_short(); }));
  CHECK(has_ended());
  small.heard();
  CHECK_FALSE(small.at_end());

  t.loop.set_connection_memory(100u << 20);
  std::string heard = t.ask(reader, "subscribe much");
  const auto deliveries = [&] {
    heard += reader.heard();
    int count = 0;
    for (std::size_t at = 0; (at = heard.find("deliver ", at)) != std::string::npos; ++at) ++count;
    return count;
  };
  CHECK(comes_true(t, [&] {
    t.persist();
    return deliveries() == 16;
  }));
}

TEST_CASE("a connection that is closed for what it holds goes, also when another one ends in the same moment") {
  LoopFixture t;
  LineClient publisher(t.loop), deaf(t.loop), ends(t.loop);
  publish(t, publisher, "much", 16, 60'000);
  deaf.say("subscribe much");
  t.settle();
  t.persist();
  t.loop.set_connection_memory(200'000);
  REQUIRE(t.loop.memory_is_short());
  ends.close();
  t.settle();
  CHECK_FALSE(t.loop.memory_is_short());
  while (!deaf.heard().empty()) continue;
  CHECK(deaf.at_end());
}

TEST_CASE("what a connection was given counts until it has settled it") {
  constexpr int count = 64;
  constexpr std::uint64_t held_bytes = count * 72;
  LoopFixture t;
  LineClient publisher(t.loop), holder(t.loop);
  publish(t, publisher, "q", count, 1);
  t.loop.set_connection_memory(1u << 20);
  const auto least = [&] {  // that all of them hold: the smallest limit of which they have no more than half
    std::uint64_t limit = 0;
    do t.loop.set_connection_memory(limit += 64);
    while (t.loop.memory_is_short());
    return limit / 2;
  };
  CHECK(least() < held_bytes);
  t.loop.set_connection_memory(1u << 20);
  holder.say("subscribe q");
  std::string heard;
  CHECK(comes_true(t, [&] {
    t.persist();
    heard += holder.heard();
    return heard.find("deliver " + std::to_string(count)) != std::string::npos;
  }));
  t.settle();
  CHECK(least() >= held_bytes);
  t.loop.set_connection_memory(1u << 20);
  for (int tag = 1; tag <= count; ++tag) holder.say("ack " + std::to_string(tag));
  CHECK(comes_true(t, [&] {
    t.persist();
    const bool is_less = least() < held_bytes;
    t.loop.set_connection_memory(1u << 20);
    return is_less;
  }));
}

TEST_CASE("a connection that does not read keeps copies, not the store's memory") {
  LoopFixture t;
  LineClient publisher(t.loop), deaf(t.loop);
  publish(t, publisher, "q", 12, 60'000);
  deaf.say("subscribe q");
  const auto kept = [&] {
    t.persist();
    int count = 0;
    for (const auto& [handle, body] : t.store->bodies) count += body.first.owner.use_count() > 1 ? 1 : 0;
    return count;
  };
  CHECK(comes_true(t, [&] { return kept() == 0; }));
  std::size_t heard = 0;
  for (std::string part; !(part = deaf.heard()).empty(); t.persist()) heard += part.size();
  CHECK(heard > 12 * 60'000);
}

TEST_CASE("a client that asks and does not read what it asked for is not read either") {
  LoopFixture t;
  LineClient client(t.loop);
  t.loop.set_connection_memory(2u << 20);
  const std::string request = "mandatory nowhere " + std::string(500, 'x') + "\n";
  std::size_t asked = 0;
  for (int quiet = 0; quiet < 20;) {
    quiet = client.try_say(request) ? 0 : quiet + 1;
    asked += quiet == 0 ? 1 : 0;
    if (quiet > 0 || asked % 64 == 0) t.persist();
    REQUIRE(asked < 20'000);
  }
  CHECK(client.heard().size() > 0);
  CHECK_FALSE(client.at_end());  // read on, it would have been dropped for what it holds
}

}  // namespace tandem::server
