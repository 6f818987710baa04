// The design's one idea: the core is a function of its inputs. The same inputs, of both modes and at random, give the
// same bytes of records and sends: in a second run, and behind a crash at any place.
#include <functional>
#include <random>

#include <doctest/doctest.h>

#include "tests/support/core_fixture.h"
#include "tests/support/spelled.h"

namespace tandem::core {
namespace {

/// A history of inputs that depends on its seed alone, never on what the broker answers.
class History {
 public:
  explicit History(std::uint32_t seed) : random_(seed) {
    fixture_.declare_exchange("e", ExchangeKind::pattern);
    for (const std::string& name : queues_) {
      fixture_.declare_queue(name, {{"x-max-length", 40}, {"x-dead-letter-exchange", "amq.fanout"}});
      fixture_.bind("e", name, name + ".#");
    }
    fixture_.give(CreateTopic{.who = who(), .name = "t", .partitions = 3});
    take_down();
  }

  void step() {
    const std::uint32_t choice = pick(100);
    if (choice < 30)
      fixture_.publish({"e", queues_[pick(3)] + ".x"}, pick(4) == 0, who());
    else if (choice < 45)
      append();
    else if (choice < 55)
      fixture_.subscribe(queues_[pick(3)], 1 + pick(3), pick(6), pick(8) == 0, who());
    else if (choice < 70)
      settle();
    else if (choice < 76)
      fetch();
    else if (choice < 82)
      commit();
    else if (choice < 86)
      fixture_.give(Get{who(), queues_[pick(3)], pick(2) == 0});
    else if (choice < 89)
      fixture_.checkpoint();
    else if (choice < 92)
      fixture_.tick(pick(5'000));
    else if (choice < 95)
      fixture_.give(ConnectionClosed{who().channel.connection});
    else if (choice < 97)
      fixture_.give(PurgeQueue{who(), queues_[pick(3)]});
    else
      fixture_.give(Describe{who(), static_cast<Subject>(pick(9)), ""});
    take_down();
  }
  void crash() {
    fixture_.restart(false);
    take_down();
  }
  /// Everything that was recorded and said since the beginning.
  const std::string& told() const { return told_; }

 private:
  std::uint32_t pick(std::uint32_t below) { return random_() % below; }
  Caller who() { return CoreFixture::caller(1 + pick(3), static_cast<std::uint16_t>(1 + pick(2))); }

  void append() {
    Append input{.who = who(), .topic = "t", .partition = static_cast<PartitionIndex>(pick(4))};
    input.batch = {.body = BodyHandle{++bodies_}, .size_bytes = 100 + pick(900)};
    input.batch.record_count = static_cast<std::int32_t>(1 + pick(5));
    input.batch.max_timestamp = fixture_.now;
    if (pick(5) == 0) input.expected_end = pick(20);
    fixture_.give(input);
  }
  void settle() {
    const DeliveryTag first = 1 + pick(30);
    const auto outcome = static_cast<Outcome>(pick(3));
    fixture_.settle(first, first + pick(4), outcome, who());
  }
  void fetch() {
    const std::vector<FetchPartition> partitions = {
        {"t", static_cast<PartitionIndex>(pick(3)), static_cast<Offset>(pick(10))}, {"t", 1, 0}};
    fixture_.give(Fetch{.who = who(), .partitions = partitions, .size_min_bytes = pick(2'000), .wait_max = pick(900)});
  }
  void commit() {
    const std::vector<OffsetCommitEntry> entries = {
        {.topic = "t", .partition = static_cast<PartitionIndex>(pick(4)), .offset = static_cast<Offset>(pick(9))}};
    fixture_.give(CommitOffsets{.who = who(), .group = pick(2) ? "g" : "h", .entries = entries});
  }

  void take_down() {
    for (const Record& record : std::exchange(fixture_.records, {})) support::spell(told_, record);
    for (const Send& send : std::exchange(fixture_.sends, {})) support::spell(told_, send);
  }

  const std::vector<std::string> queues_ = {"a", "b", "c"};
  CoreFixture fixture_{tight_limits()};
  std::mt19937 random_;
  std::uint64_t bodies_ = 1ull << 40;
  std::string told_;
};

std::string told_by(std::uint32_t seed, int steps, int crash_before) {
  History history(seed);
  for (int i = 0; i < steps; ++i) {
    if (i == crash_before) history.crash();
    history.step();
  }
  return history.told();
}

}  // namespace

TEST_CASE("the same inputs give the same bytes of records and sends, run twice") {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    const std::string once = told_by(seed, 400, -1);
    CHECK(once.size() > 10'000);
    CHECK(once == told_by(seed, 400, -1));
    CHECK(once != told_by(seed + 100, 400, -1));
  }
}

TEST_CASE("the same inputs give the same bytes of records and sends behind a crash at any place") {
  constexpr int steps = 120;
  for (int crash_before = 0; crash_before < steps; ++crash_before) {
    CAPTURE(crash_before);
    const std::string once = told_by(7, steps, crash_before);
    CHECK(once == told_by(7, steps, crash_before));
  }
}

}  // namespace tandem::core
