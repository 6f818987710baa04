// Large messages: staged by the store while their connection waits, from memory that the connection lends it.
#include <doctest/doctest.h>

#include "tests/server/loop_fixture.h"

namespace tandem::server {

TEST_CASE("others are served while a large message is staged, and what its connection said behind it comes behind it") {
  LoopFixture fixture;
  LineClient publisher(fixture.loop), other(fixture.loop);
  CHECK(fixture.ask(publisher, "declare q") == "ok\n");
  publisher.say("large q first\npublish q second");
  fixture.settle();
  CHECK(fixture.ask(other, "subscribe q") == "ok\n");
  fixture.persist();
  CHECK(publisher.heard().empty());
  fixture.store->stage_large_one();
  fixture.settle();
  fixture.persist();
  CHECK(publisher.heard() == "confirmed 1-2\n");
  CHECK(other.heard() == "deliver 1 first\ndeliver 2 second\n");
}

TEST_CASE("what a connection lends lives until it is read, and is published unless the connection was ended") {
  for (const bool stops : {false, true}) {
    CAPTURE(stops);
    LoopFixture fixture;
    fixture.store->begun_large = 1;
    LineClient other(fixture.loop);
    CHECK(fixture.ask(other, "declare q") == "ok\n");
    const std::string body(100'000, 'l');
    {
      LineClient publisher(fixture.loop);
      publisher.say("large q " + body);
      fixture.settle();
      if (stops) fixture.loop.stop("the test says so");
    }  // that its side has ended is seen when it is read again
    fixture.settle();
    const auto written = fixture.store->records.size();
    REQUIRE(fixture.store->large.size() == 1);
    CHECK(text_of(fixture.store->large.front().rest).ends_with(body));
    fixture.store->stage_large_one();
    fixture.settle();
    CHECK(fixture.store->records.size() == written + (stops ? 0 : 1));
  }
}

TEST_CASE("what a connection lends is not kept for a message that nobody has begun to stage when it has ended") {
  LoopFixture fixture;
  LineClient publisher(fixture.loop);
  publisher.say("large q " + std::string(100'000, 'l'));
  fixture.settle();
  CHECK(fixture.store->large.size() == 1);
  fixture.loop.stop("the test says so");
  publisher.close();
  fixture.settle();
  CHECK(fixture.store->large.empty());
}

}  // namespace tandem::server
