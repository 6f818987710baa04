// Ring against std::deque: the same doings at sizes around its blocks.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <deque>
#include <random>

// Both have a CHECK; in tests it is doctest's.
#pragma push_macro("CHECK")
#undef CHECK
#include "broker/base/ring.h"
#pragma pop_macro("CHECK")
#include "tests/base/check_same.h"

using tandem::Ring;

TEST_CASE("a ring holds what a deque would, whatever is done to it") {
  std::mt19937 random(7);
  for (const std::size_t size_max : {3, 100, 1'023, 1'024, 1'025, 5'000}) {
    Ring<std::uint64_t> ring;
    std::deque<std::uint64_t> model;
    std::uint64_t next = 0;
    for (int phase = 0; phase < 40; ++phase) {
      const bool grows = phase % 2 == 0;
      const std::size_t until = grows ? size_max : random() % (size_max + 1);
      while (grows ? model.size() < until : model.size() > until) {
        const bool at_front = random() % 16 == 0;
        if (grows && at_front) {
          ring.push_front(next);
          model.push_front(next++);
        } else if (grows) {
          ring.push_back(next);
          model.push_back(next++);
        } else if (random() % 16 == 0) {
          const std::size_t index = random() % model.size();
          ring.erase(index);
          model.erase(model.begin() + static_cast<std::ptrdiff_t>(index));
        } else if (at_front) {
          REQUIRE(ring.pop_back() == model.back());
          model.pop_back();
        } else {
          REQUIRE(ring.pop_front() == model.front());
          model.pop_front();
        }
      }
      check_same(ring, model);
      if (phase % 8 == 7) {
        const auto keep = [](std::uint64_t value) { return value % 3 != 0; };
        ring.keep_if(keep);
        std::erase_if(model, [&](std::uint64_t value) { return !keep(value); });
        check_same(ring, model);
      }
    }
  }
}

TEST_CASE("a ring flows through its blocks and starts over when cleared") {
  Ring<std::array<char, 3'000>> ring;  // few fit a block
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < 50; ++i) ring.push_back({static_cast<char>(i)});
    for (int i = 0; i < 50; ++i) REQUIRE(ring.pop_front()[0] == static_cast<char>(i));
    REQUIRE(ring.empty());
  }
  ring.push_back({'x'});
  ring.clear();
  CHECK(ring.empty());
  ring.push_front({'y'});
  CHECK(ring.front()[0] == 'y');
}

TEST_CASE("a ring finds the end of what comes first in order") {
  Ring<int> ring;
  for (int i = 0; i < 3'000; ++i) ring.push_back(i);
  for (int i = 0; i < 700; ++i) ring.pop_front();
  CHECK(ring.partition_point([](int value) { return value < 2'100; }) == 1'400);
  CHECK(ring.partition_point([](int) { return true; }) == ring.size());
}
