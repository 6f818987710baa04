// The small parts of the client that need no session: DoneSet, Settles, Outstanding, Timers, Backoff,
// InputBuffer.
#include <doctest/doctest.h>

#include <cstring>
#include <random>

#include "client/backoff.h"
#include "client/done_set.h"
#include "client/input_buffer.h"
#include "client/outstanding.h"
#include "client/settles.h"
#include "client/timers.h"

using namespace tandem;
using namespace tandem::client;

namespace {

std::vector<std::size_t> mark(DoneSet& set, std::size_t first, std::size_t last) {
  std::vector<std::size_t> newly;
  set.mark(first, last, [&](std::size_t index) { newly.push_back(index); });
  return newly;
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> take(Settles& settles, fb::Outcome outcome) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> taken;
  for (const auto& range : settles.take(outcome)) taken.emplace_back(range.first(), range.last());
  return taken;
}

}  // namespace

TEST_CASE("a DoneSet reports each item once, in whatever order ranges come") {
  DoneSet set;
  CHECK(mark(set, 2, 3) == std::vector<std::size_t>{2, 3});
  CHECK(set.prefix() == 0);
  CHECK(mark(set, 0, 1) == std::vector<std::size_t>{0, 1});
  CHECK(set.prefix() == 4);
  CHECK(mark(set, 1, 5) == std::vector<std::size_t>{4, 5});
  CHECK(mark(set, 0, 5).empty());
  CHECK(set.count() == 6);
}

TEST_CASE("a DoneSet agrees with a plain set over random ranges") {
  std::mt19937 chance(7);
  for (int round = 0; round < 200; ++round) {
    DoneSet set;
    std::vector<bool> plain(40);
    for (int step = 0; step < 30; ++step) {
      const auto first = chance() % 40, last = std::min<std::size_t>(39, first + chance() % 6);
      std::vector<std::size_t> expected;
      for (auto i = first; i <= last; ++i)
        if (!plain[i]) {
          expected.push_back(i);
          plain[i] = true;
        }
      REQUIRE(mark(set, first, last) == expected);
      for (std::size_t i = 0; i < 40; ++i) REQUIRE(set.contains(i) == plain[i]);
      REQUIRE(set.count() == static_cast<std::size_t>(std::count(plain.begin(), plain.end(), true)));
      const auto gap = std::find(plain.begin(), plain.end(), false);
      REQUIRE(set.prefix() == static_cast<std::size_t>(gap - plain.begin()));
    }
  }
}

TEST_CASE("settles that touch become one range, per outcome") {
  Settles settles;
  for (const auto tag : {1, 2, 3, 7, 6, 5, 10})
    settles.add(static_cast<std::uint64_t>(tag), fb::Outcome::ack);
  settles.add(4, fb::Outcome::reject);
  CHECK_FALSE(settles.empty());
  CHECK(take(settles, fb::Outcome::ack) ==
        std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1, 3}, {5, 7}, {10, 10}});
  CHECK(take(settles, fb::Outcome::reject) == std::vector<std::pair<std::uint64_t, std::uint64_t>>{{4, 4}});
  CHECK(take(settles, fb::Outcome::requeue).empty());
  CHECK(settles.empty());
}

TEST_CASE("a waiter is done when everything that began before it has ended, in any order") {
  Outstanding outstanding;
  int done = 0;
  const auto first = outstanding.begin(), second = outstanding.begin();
  outstanding.wait([&](const Result<>&) { ++done; });
  const auto later = outstanding.begin();
  auto run = [&] {
    for (auto& completion : outstanding.take_done()) completion(Done{});
  };
  outstanding.end(second);
  run();
  CHECK(done == 0);
  outstanding.end(first);
  run();
  CHECK(done == 1);
  CHECK_FALSE(outstanding.idle());
  outstanding.end(later);
  CHECK(outstanding.idle());
}

TEST_CASE("timers run in the order of their times, and not when cancelled") {
  Timers timers;
  const Timers::Time start{};
  std::string ran;
  timers.add(start + Milliseconds(20), [&] { ran += "b"; });
  const auto cancelled = timers.add(start + Milliseconds(15), [&] { ran += "x"; });
  timers.add(start + Milliseconds(10), [&] {
    ran += "a";
    timers.add(start + Milliseconds(12), [&] { ran += "n"; });
  });
  CHECK(timers.next() == start + Milliseconds(10));
  timers.cancel(cancelled);
  timers.run_due(start + Milliseconds(19));
  CHECK(ran == "an");
  timers.run_due(start + Milliseconds(20));
  CHECK(ran == "anb");
  CHECK_FALSE(timers.next());
}

TEST_CASE("backoff doubles up to its most, varies by at most half, and begins anew after a success") {
  Backoff backoff(Milliseconds(50), Milliseconds(400), 1);
  for (const auto whole : {50, 100, 200, 400, 400}) {
    const auto delay = backoff.next().count();
    CHECK(delay >= whole / 2);
    CHECK(delay <= whole);
  }
  backoff.reset();
  CHECK(backoff.next().count() <= 50);
}

TEST_CASE("bytes that deliveries look at stay while the buffer goes on") {
  InputBuffer buffer;
  std::vector<std::pair<Owner, Bytes>> kept;
  for (int round = 0; round < 40; ++round) {
    auto space = buffer.space(8);
    REQUIRE(space.size() >= 10'000);
    std::memset(space.data(), round, 10'000);
    buffer.filled(10'000);
    if (round % 3 == 0) kept.emplace_back(buffer.owner(), buffer.unread().first(5'000));
    buffer.consumed(10'000);
  }
  for (std::size_t i = 0; i < kept.size(); ++i)
    for (const auto byte : kept[i].second) REQUIRE(byte == static_cast<std::byte>(i * 3));
}

TEST_CASE("a buffer makes room for a frame larger than its blocks and keeps what was read of it") {
  InputBuffer buffer;
  auto space = buffer.space(8);
  std::memset(space.data(), 7, 100);
  buffer.filled(100);
  buffer.consumed(10);
  const std::size_t wanted = InputBuffer::block_size_bytes * 3;
  space = buffer.space(wanted);
  CHECK(space.size() >= wanted - 90);
  REQUIRE(buffer.unread().size() == 90);
  CHECK(buffer.unread().front() == std::byte{7});
}
