#include "broker/core/delivery_counts.h"

#include <map>
#include <random>

#include "doctest/doctest.h"

namespace tandem::core {

TEST_CASE("delivery counts are those of single seqs") {
  std::mt19937 random(3);
  DeliveryCounts counts;
  std::map<QueueSeq, std::uint16_t> model;
  const auto as_model = [&model] { return DeliveryCounts::Counts(model.begin(), model.end()); };
  for (int step = 0; step < 5'000; ++step) {
    const QueueSeq first = 1 + random() % 100, last = first + random() % 12;
    const auto choice = random() % 10;
    if (choice < 5) {
      const auto count = static_cast<std::uint16_t>(1 + random() % 3);
      counts.set(first, last, count);
      for (QueueSeq seq = first; seq <= last; ++seq) model[seq] = count;
    } else if (choice < 9) {
      counts.forget(first, last);
      model.erase(model.lower_bound(first), model.upper_bound(last));
    } else {
      counts.raise_through(last);
      for (auto& [seq, count] : model)
        if (seq <= last) ++count;
    }
    REQUIRE(counts.empty() == model.empty());
    REQUIRE(counts.all() == as_model());
    const auto known = model.find(first);
    REQUIRE(counts.at(first) == (known == model.end() ? 0 : known->second));
    if (step % 100 == 0) {
      DeliveryCounts again;
      again.assign(counts.all());
      REQUIRE(again.all() == as_model());
    }
  }
}

TEST_CASE("a delivery count stops at the largest there is") {
  DeliveryCounts counts;
  counts.set(1, 2, 0xFFFF);
  counts.raise_through(1);
  CHECK(counts.at(1) == 0xFFFF);
  CHECK(counts.at(2) == 0xFFFF);
  CHECK(counts.at(3) == 0);
}

}  // namespace tandem::core
