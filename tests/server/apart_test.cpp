// Work that a face has another thread do: nobody else waits for it, and its connection goes on behind it.
#include <doctest/doctest.h>

#include <chrono>
#include <future>

#include "tests/server/loop_fixture.h"

namespace tandem::server {
namespace {

/// Holds whoever comes until it is opened.
struct Gate {
  std::promise<void> opened, entered;
  std::shared_future<void> opens = opened.get_future().share();
  Gate() {
    LineFace::apart = [this] {
      entered.set_value();
      opens.wait();
    };
  }
  ~Gate() { LineFace::apart = nullptr; }
};

/// Turns of the loop until `client` has heard something.
std::string await(LoopFixture& fixture, LineClient& client) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (std::string heard; std::chrono::steady_clock::now() < end;) {
    fixture.settle();
    heard += client.heard();
    if (!heard.empty()) return heard;
  }
  return "(nothing)";
}

}  // namespace

TEST_CASE("others are served while a connection waits for another thread, and it goes on with what it had said before") {
  LoopFixture fixture;
  LineClient thinker(fixture.loop), other(fixture.loop);
  Gate gate;
  thinker.say("apart\ndeclare q");
  fixture.settle();
  gate.entered.get_future().wait();
  CHECK(fixture.ask(other, "declare p") == "ok\n");
  CHECK(thinker.heard().empty());
  gate.opened.set_value();
  CHECK(await(fixture, thinker) == "thought\n");
  fixture.persist();
  CHECK(thinker.heard() == "ok\n");
}

TEST_CASE("a connection that has gone meanwhile is told nothing") {
  LoopFixture fixture;
  Gate gate;
  {
    LineClient thinker(fixture.loop);
    thinker.say("apart");
    fixture.settle();
    gate.entered.get_future().wait();
  }
  fixture.settle();
  gate.opened.set_value();
  LineFace::apart = [] {};
  LineClient other(fixture.loop);
  other.say("apart");  // behind the other's, which is over when this is
  CHECK(await(fixture, other) == "thought\n");
}

}  // namespace tandem::server
