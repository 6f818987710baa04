#include "broker/core/seq_set.h"

#include <random>
#include <set>

#include "doctest/doctest.h"

namespace tandem::core {
namespace {

TEST_CASE("seqs in order only move the head") {
  SeqSet set;
  set.add(1, 3);
  set.add(4, 4);
  CHECK(set.head() == 5);
  CHECK(set.ranges().empty());
}

TEST_CASE("a gap is a range until it is filled") {
  SeqSet set;
  set.add(3, 4);
  set.add(6, 6);
  CHECK(set.ranges() == std::vector<SeqRange>{{3, 4}, {6, 6}});
  set.add(5, 5);
  CHECK(set.ranges() == std::vector<SeqRange>{{3, 6}});
  set.add(1, 2);
  CHECK(set.head() == 7);
  CHECK(set.ranges().empty());
}

TEST_CASE("it holds what a set of single seqs holds") {
  std::mt19937 random(1);
  SeqSet set;
  std::set<QueueSeq> model;
  for (int i = 0; i < 400; ++i) {
    const QueueSeq first = 1 + random() % 300, last = first + random() % 4;
    set.add(first, last);
    for (QueueSeq seq = first; seq <= last; ++seq) model.insert(seq);
    const QueueSeq from = 1 + random() % 300, to = from + random() % 60;
    std::uint64_t count = 0;
    for (QueueSeq seq = from; seq <= to; ++seq) {
      REQUIRE(set.contains(seq) == model.contains(seq));
      count += model.contains(seq);
    }
    REQUIRE(set.count(from, to) == count);
  }
}

}  // namespace
}  // namespace tandem::core
