// BlockRing against std::deque: the same doings at sizes around its blocks.
#include <doctest/doctest.h>

#include <cstdint>
#include <deque>
#include <random>
#include <vector>

// Both have a CHECK; in tests it is doctest's.
#pragma push_macro("CHECK")
#undef CHECK
#include "broker/base/block_ring.h"
#pragma pop_macro("CHECK")
#include "tests/base/check_same.h"

using tandem::BlockRing;

namespace {

using Numbers = BlockRing<std::uint64_t>;

}  // namespace

TEST_CASE("a ring in blocks holds what a deque would, whatever is done to it") {
  std::mt19937 random(7);
  for (const std::size_t size_max : {3, 31, 32, 33, 64, 500}) {
    Numbers ring;
    std::deque<std::uint64_t> model;
    std::uint64_t next = 0;
    for (int phase = 0; phase < 60; ++phase) {
      const std::size_t until = phase % 2 == 0 ? size_max : random() % (size_max + 1);
      for (; model.size() < until; ++next) {
        ring.push_back(next);
        model.push_back(next);
      }
      while (model.size() > until) {
        ring.pop_front();
        model.pop_front();
      }
      check_same(ring, model);
      if (phase % 5 == 4) {
        const std::uint64_t every = 1 + random() % 7;
        ring.keep_if([every](std::uint64_t number) { return number % every == 0; });
        std::erase_if(model, [every](std::uint64_t number) { return number % every != 0; });
        check_same(ring, model);
      }
      if (model.empty()) continue;
      REQUIRE(ring.front() == model.front());
      const std::uint64_t wanted = model[random() % model.size()];
      REQUIRE(ring[ring.partition_point([wanted](std::uint64_t number) { return number < wanted; })] == wanted);
    }
  }
}

TEST_CASE("a ring in blocks gives its items from both ends") {
  std::mt19937 random(11);
  for (const std::size_t size_max : {1, 2, 4, 5, 17, 40, 200}) {
    Numbers ring;
    std::deque<std::uint64_t> model;
    for (std::uint64_t next = 0; next < 3'000; ++next) {
      const auto dice = random() % 8;
      if (model.size() < size_max && (dice < 4 || model.empty())) {
        ring.push_back(next);
        model.push_back(next);
      } else if (dice % 2 == 0) {
        REQUIRE(ring.pop_back() == model.back());
        model.pop_back();
      } else {
        REQUIRE(ring.pop_front() == model.front());
        model.pop_front();
      }
      if (next % 64 == 0) check_same(ring, model);
      if (next % 1'000 == 999) {
        ring.clear();
        model.clear();
      }
      REQUIRE(ring.size() == model.size());
    }
    check_same(ring, model);
  }
}

TEST_CASE("items of a ring in blocks stay where they are once it has a whole block") {
  Numbers ring;
  for (std::size_t i = 0; i < Numbers::block_items; ++i) ring.push_back(i);
  const std::uint64_t* first = &ring.front();
  for (std::uint64_t i = 0; i < 10 * Numbers::block_items; ++i) ring.push_back(i);
  CHECK(first == &ring.front());
}

TEST_CASE("what a ring in blocks lends stays as it was, whatever is done to the ring") {
  std::mt19937 random(13);
  struct Loan {
    std::vector<tandem::LentItems<std::uint64_t>> parts;
    std::deque<std::uint64_t> lent;
  };
  for (const std::size_t size_max : {1, 3, 5, 17, 33, 40, 200}) {
    Numbers ring;
    std::deque<std::uint64_t> model;
    std::deque<Loan> loans;
    for (std::uint64_t next = 0; next < 6'000; ++next) {
      const auto dice = random() % 64;
      if (dice < 2) {
        ring.lend(loans.emplace_back(Loan{{}, model}).parts);
      } else if (dice < 4 && !loans.empty()) {
        loans.erase(loans.begin() + static_cast<std::ptrdiff_t>(random() % loans.size()));
      } else if (dice < 5 && random() % 16 == 0) {
        const std::uint64_t every = 1 + random() % 5;
        ring.keep_if([every](std::uint64_t number) { return number % every == 0; });
        std::erase_if(model, [every](std::uint64_t number) { return number % every != 0; });
      } else if (dice < 12 && !model.empty()) {
        const std::size_t index = random() % model.size();
        ring.change(index) = model[index] = next * 7;
      } else if (dice < 14 && random() % 16 == 0) {
        ring.clear();
        model.clear();
      } else if (model.size() < size_max && (dice < 40 || model.empty())) {
        ring.push_back(next);
        model.push_back(next);
      } else if (dice % 2 == 0 && !model.empty()) {
        REQUIRE(ring.pop_back() == model.back());
        model.pop_back();
      } else if (!model.empty()) {
        REQUIRE(ring.pop_front() == model.front());
        model.pop_front();
      }
      if (next % 16 != 0) continue;
      check_same(ring, model);
      for (const Loan& loan : loans) {
        std::deque<std::uint64_t> read;
        for (const auto& part : loan.parts)
          for (std::size_t i = 0; i < part.size(); ++i) read.push_back(part[i]);
        REQUIRE(read == loan.lent);
      }
    }
  }
}
