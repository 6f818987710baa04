// What the loop knows of runs, against plain maps.
#include "broker/storage/backlog_runs.h"

#include <doctest/doctest.h>

#include <map>
#include <random>

#include "broker/storage/run_blocks.h"

namespace tandem::storage {
namespace {

constexpr std::uint64_t block = backlog_block_bytes;

Extent blocks(std::uint64_t first, std::uint64_t count) {
  return {first * block, count * block};
}

bool same(const BacklogRun& a, const BacklogRun& b) {
  return a.id == b.id && a.extent == b.extent && a.stored == b.stored && a.recovered == b.recovered;
}

}  // namespace

TEST_CASE("runs are found, listed and forgotten as in a map") {
  std::mt19937 random(3);
  BacklogRuns runs;
  std::map<std::pair<QueueId, RunId>, BacklogRun> model;
  RunId next(1);
  for (int step = 0; step < 20'000; ++step) {
    const QueueId queue(random() % 5);
    if (random() % 2 == 0) {
      const BacklogRun run{next, blocks(random(), 1 + random() % 9'000), random() % 2 == 0, random() % 2 == 0};
      next.value += 1 + random() % 3;
      runs.add(queue, run);
      model[{queue, run.id}] = run;
    } else {
      const RunId id(random() % next.value);
      runs.erase(queue, id);
      model.erase({queue, id});
    }
    const RunId wanted(random() % next.value);
    const auto found = runs.find(queue, wanted);
    const auto expected = model.find({queue, wanted});
    REQUIRE(found.has_value() == (expected != model.end()));
    if (found) REQUIRE(same(*found, expected->second));
  }
  CHECK(runs.extents().size() == model.size());
  for (std::uint32_t queue = 0; queue < 6; ++queue) {
    auto expected = model.lower_bound({QueueId(queue), RunId()});
    for (const BacklogRun& run : runs.of(QueueId(queue))) CHECK(same(run, (expected++)->second));
    CHECK(expected == model.lower_bound({QueueId(queue + 1), RunId()}));
  }
}

TEST_CASE("the largest places and ids are kept whole") {
  BacklogRuns runs;
  const BacklogRun far{RunId(~std::uint64_t{0}), {backlog_size_max_bytes - block, 0xFFFF'F000}, true, false};
  runs.add(QueueId(1), far);
  CHECK(same(runs.find(QueueId(1), far.id).value(), far));
}

TEST_CASE("a byte's run ends where it was said to, whatever was there before") {
  std::mt19937 random(11);
  RunBlocks known;
  std::map<std::uint64_t, std::uint64_t> model;  // first block → end
  const auto free = [&](std::uint64_t first, std::uint64_t end) {
    for (const auto& [begin, until] : model)
      if (first < until && begin < end) return false;
    return true;
  };
  for (int step = 0; step < 3'000; ++step) {
    const std::uint64_t first = random() % 600, count = 1 + random() % (random() % 4 == 0 ? 200 : 5);
    if (free(first, first + count)) {
      known.add(blocks(first, count));
      model[first] = first + count;
    } else if (!model.empty()) {
      const auto gone = std::next(model.begin(), static_cast<std::ptrdiff_t>(random() % model.size()));
      known.forget(blocks(gone->first, gone->second - gone->first));
      model.erase(gone);
    }
    const std::uint64_t at = random() % 900;
    std::optional<std::uint64_t> expected;
    for (const auto& [begin, until] : model)
      if (begin <= at && at < until) expected = until * block;
    REQUIRE(known.end_of(at * block + random() % block) == expected);
    for (const auto& [begin, until] : model) REQUIRE(known.contains(blocks(begin, until - begin)));
  }
}

TEST_CASE("a run that was never known is forgotten without harm") {
  RunBlocks known;
  known.forget(blocks(5, 3));
  known.add(blocks(100, 2));
  known.forget(blocks(300, 3));
  CHECK(known.contains(blocks(100, 2)));
  CHECK_FALSE(known.contains(blocks(100, 1)));
  CHECK_FALSE(known.end_of(99 * block).has_value());
  known.forget(blocks(100, 2));
  CHECK_FALSE(known.end_of(100 * block).has_value());
}

}  // namespace tandem::storage
