#include "broker/storage/backlog.h"

#include <doctest/doctest.h>

#include <random>

#include "broker/base/limits.h"
#include "broker/storage/memory_file_system.h"

namespace tandem::storage {
namespace {

std::string text_for(QueueSeq seq, std::size_t size) {
  std::string text = "message " + std::to_string(seq) + ";";
  text.resize(size, '.');
  return text;
}

core::Survivors survivors(std::vector<std::size_t> sizes) {
  core::Survivors made{QueueId(7), 2, {}};
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    core::QueueEntry entry;
    entry.seq = 100 + i;
    entry.size_bytes = static_cast<std::uint32_t>(sizes[i]);
    entry.deliveries = static_cast<std::uint16_t>(i % 3);
    entry.priority = 2;
    entry.durable = i % 2 == 0;
    entry.expires_at = static_cast<TimestampMs>(i * 1000);
    made.entries.push_back(entry);
  }
  return made;
}

std::vector<std::byte> extent_of(const RunPlan& plan, RunId run) {
  std::vector<std::byte> extent(plan.extent_size_bytes);
  put_run_head(extent, plan, run);
  const auto offsets = message_offsets(plan);
  for (std::size_t i = 0; i < offsets.size(); ++i)
    put_run_message(extent, offsets[i], bytes_of(text_for(plan.entries[i].seq, plan.entries[i].size_bytes)));
  return extent;
}

std::vector<RunPlan> plans_of(const core::Survivors& from) {
  std::vector<RunPlan> plans;
  plan_runs(from, plans);
  return plans;
}

}  // namespace

TEST_CASE("a run gives back its entries, with handles to where the messages are") {
  const auto from = survivors({10, 0, 5000, 1, 300});
  const auto plans = plans_of(from);
  REQUIRE(plans.size() == 1);
  const auto extent = extent_of(plans[0], RunId(9));
  RunHead head;
  const auto entries = read_run(extent, 1u << 20, &head);
  REQUIRE(entries.ok());
  CHECK(head.queue == QueueId(7));
  CHECK(head.run == RunId(9));
  REQUIRE(entries->size() == from.entries.size());
  for (std::size_t i = 0; i < entries->size(); ++i) {
    core::QueueEntry expected = from.entries[i];
    expected.body = (*entries)[i].body;
    CHECK((*entries)[i] == expected);
    REQUIRE(is_in_backlog(expected.body));
    const auto offset = backlog_position(expected.body) - (1u << 20);
    CHECK(text_of(Bytes(extent).subspan(offset, expected.size_bytes)) ==
          text_for(expected.seq, expected.size_bytes));
  }
}

TEST_CASE("runs are cut by entries and by bytes, and a huge message is a run of its own") {
  CHECK(plans_of(survivors(std::vector<std::size_t>(2500, 10))).size() == 3);
  const auto by_size = plans_of(survivors(std::vector<std::size_t>(10, 300'000)));
  for (const auto& plan : by_size)
    CHECK(plan.extent_size_bytes <= limits::run_size_max_bytes + backlog_block_bytes);
  CHECK(by_size.size() == 4);
  const auto huge = plans_of(survivors({10, 5'000'000, 10}));
  REQUIRE(huge.size() == 3);
  CHECK(huge[1].entries.size() == 1);
  CHECK(plans_of(survivors({})).empty());
}

TEST_CASE("each flipped byte of a run is noticed, and so is each truncation") {
  const auto from = survivors({10, 50, 90});
  const auto plan = plans_of(from)[0];
  const auto extent = extent_of(plan, RunId(1));
  for (std::size_t i = 0; i < plan.used_size_bytes; ++i) {
    auto damaged = extent;
    damaged[i] ^= std::byte{0x10};
    INFO("byte ", i);
    const auto entries = read_run(damaged, 0);
    if (entries.ok())
      CHECK(judge_run_messages(damaged, 0, *entries).size() == 1);
    else
      CHECK(entries.error().code == ErrorCode::corrupt);
  }
  for (std::size_t size = 0; size < plan.used_size_bytes; ++size)
    CHECK_FALSE(read_run(Bytes(extent).first(size), 0).ok());
}

TEST_CASE("extents that are given back are used again, and neighbours become one") {
  BacklogExtents extents;
  const Extent a = extents.take(4096), b = extents.take(8192), c = extents.take(4096);
  CHECK(extents.end() == 16384);
  extents.give_back(a);
  extents.give_back(b);
  CHECK(extents.free() == std::vector<Extent>{{0, 12288}});
  CHECK(extents.take(12288) == Extent{0, 12288});
  extents.give_back({0, 12288});
  extents.give_back(c);
  CHECK(extents.end() == 0);
  CHECK(extents.free().empty());
}

TEST_CASE("extents that touch each other are joined, in whatever order they come, and no others") {
  CHECK(joined({}).empty());
  CHECK(joined({{8192, 4096}, {0, 4096}, {4096, 4096}, {16'384, 4096}}) ==
        std::vector<Extent>{{0, 12'288}, {16'384, 4096}});
}

TEST_CASE("extents never overlap, whatever is taken and given back") {
  std::mt19937_64 random(7);
  BacklogExtents extents;
  std::vector<Extent> live;
  for (int i = 0; i < 3000; ++i) {
    if (live.empty() || random() % 5 < 3) {
      live.push_back(extents.take(4096 * (1 + random() % 8)));
    } else {
      std::swap(live[random() % live.size()], live.back());
      extents.give_back(live.back());
      live.pop_back();
    }
  }
  std::uint64_t taken = 0;
  for (const Extent& extent : live) taken += extent.size_bytes;
  CHECK(extents.taken_size_bytes() == taken);
  const auto rebuilt = BacklogExtents::from_live(live);
  REQUIRE(rebuilt.ok());
  CHECK(rebuilt->free() == extents.free());
  CHECK(rebuilt->end() == extents.end());
}

TEST_CASE("two runs in one place are damage") {
  CHECK(BacklogExtents::from_live({{0, 8192}, {4096, 4096}}).error().code == ErrorCode::corrupt);
}

namespace {

/// Runs of queue 7 in a file, and a reader of them.
struct Rig {
  static constexpr std::uint64_t removal_step = 8192;
  explicit Rig(std::uint64_t cache_size_bytes = 1u << 20) {
    REQUIRE(files.make_directory("/d").ok());
    backlog = BacklogFile::open(files, "/d", {}, removal_step).value();
    reader = std::make_unique<BacklogReader>(
        backlog->file(), worker, [this](auto task) { posted.push_back(std::move(task)); }, cache_size_bytes);
  }

  void give_back(const std::vector<Extent>& extents) {
    backlog->retire(extents);
    while (backlog->has_retired()) REQUIRE(backlog->free_some().ok());
  }

  BacklogRun home(RunId id, const core::Survivors& from) {
    const auto plan = plans_of(from).at(0);
    const Extent extent = backlog->take(plan.extent_size_bytes);
    REQUIRE(backlog->write(extent.position, extent_of(plan, id), false).ok());
    REQUIRE(backlog->sync().ok());
    reader->add_run(extent);
    return {id, extent};
  }
  void settle() {
    do {
      while (worker.pump()) {
      }
      for (auto& task : std::exchange(posted, {})) task();
    } while (!posted.empty());
  }
  std::string read(BodyHandle body, std::uint32_t size) {
    std::string text = "(never answered)";
    reader->read(body, size, [&](Result<StoredBytes> bytes) {
      text = bytes ? std::string(text_of(bytes->bytes)) : bytes.error().text;
    });
    settle();
    return text;
  }
  Result<std::vector<core::QueueEntry>> load(const BacklogRun& run) {
    Result<std::vector<core::QueueEntry>> loaded = Error{};
    reader->load_run(QueueId(7), run, [&](auto entries) { loaded = std::move(entries); });
    settle();
    return loaded;
  }

  MemoryFileSystem files;
  InlineWorker worker;
  std::vector<std::function<void()>> posted;
  std::unique_ptr<BacklogFile> backlog;
  std::unique_ptr<BacklogReader> reader;
};

}  // namespace

TEST_CASE("messages of a loaded run are in RAM, within the budget") {
  Rig rig(100'000);
  rig.files.set_cold(true);
  std::vector<BacklogRun> runs;
  for (std::uint64_t i = 0; i < 5; ++i)
    runs.push_back(rig.home(RunId(i), survivors(std::vector<std::size_t>(100, 300))));
  for (const auto& run : runs) {
    const auto entries = rig.load(run);
    REQUIRE(entries.ok());
    for (const core::QueueEntry& entry : {entries->front(), entries->back()})
      CHECK(text_of(rig.reader->resident(entry.body, entry.size_bytes).bytes) ==
            text_for(entry.seq, entry.size_bytes));
    CHECK(rig.reader->size_bytes() <= 100'000);
  }
}

TEST_CASE("where windows go before their messages are wanted, less is read and kept, until that is over") {
  Rig rig(100'000);
  std::vector<BacklogRun> runs;
  std::vector<std::vector<core::QueueEntry>> entries;
  for (std::uint64_t i = 0; i < 20; ++i) {
    runs.push_back(rig.home(RunId(i), survivors(std::vector<std::size_t>(100, 300))));
    entries.push_back(rig.load(runs.back()).value());
  }
  const auto last_is_resident = [&](std::size_t run) {
    const auto& last = entries[run].back();
    return rig.reader->resident(last.body, last.size_bytes).owner != nullptr;
  };
  CHECK(!last_is_resident(19));
  for (std::size_t i = 0; i < 20; ++i) {
    REQUIRE(rig.load(runs[i]).ok());
    if (i >= 5) CHECK(!last_is_resident(i));  // the first were kept
    CHECK(rig.read(entries[i][50].body, 300) == text_for(entries[i][50].seq, 300));
  }
  // One queue after the other: each window is used up.
  for (std::size_t i = 0; i < 20; ++i)
    for (const core::QueueEntry& entry : entries[i]) REQUIRE(rig.read(entry.body, 300) == text_for(entry.seq, 300));
  REQUIRE(rig.load(runs[0]).ok());
  CHECK(last_is_resident(0));
}

TEST_CASE("a cold message is read by its handle alone, and brings its neighbours along") {
  Rig rig;
  rig.files.set_cold(true);
  const auto run = rig.home(RunId(1), survivors(std::vector<std::size_t>(50, 200)));
  const auto entries = rig.load(run).value();
  rig.reader->forget_run(run.extent);
  rig.reader->add_run(run.extent);
  CHECK(rig.reader->resident(entries[10].body, 200).owner == nullptr);
  CHECK(rig.read(entries[10].body, 200) == text_for(entries[10].seq, 200));
  CHECK(rig.reader->resident(entries[11].body, 200).owner != nullptr);
}

TEST_CASE("what an extent held before is never taken for what it holds now") {
  Rig rig;
  const auto first = rig.home(RunId(1), survivors({100, 100}));
  const auto old_entries = rig.load(first).value();
  rig.reader->forget_run(first.extent);
  rig.give_back({first.extent});
  auto other = survivors({100, 100});
  for (auto& entry : other.entries) entry.seq += 5000;
  const auto second = rig.home(RunId(2), other);
  REQUIRE(second.extent.position == first.extent.position);
  CHECK(rig.reader->resident(old_entries[0].body, 100).owner == nullptr);
  CHECK(rig.read(old_entries[0].body, 100) == text_for(5100, 100));
  CHECK_FALSE(rig.load(first).ok());
}

TEST_CASE("what is read of a run that is forgotten meanwhile is given, and not kept") {
  Rig rig;
  rig.files.set_cold(true);
  const auto run = rig.home(RunId(1), survivors({100, 100}));
  const auto entries = rig.load(run).value();
  const auto again = [&] {
    rig.reader->forget_run(run.extent);
    rig.reader->add_run(run.extent);
  };
  again();
  std::string first, second;
  rig.reader->read(entries[0].body, 100, [&](auto bytes) { first = std::string(text_of(bytes.value().bytes)); });
  again();
  rig.reader->read(entries[1].body, 100, [&](auto bytes) { second = std::string(text_of(bytes.value().bytes)); });
  rig.settle();
  CHECK(first == text_for(100, 100));
  CHECK(second == text_for(101, 100));
  CHECK(rig.reader->resident(entries[0].body, 100).owner == nullptr);
  CHECK(rig.reader->resident(entries[1].body, 100).owner != nullptr);
}

TEST_CASE("a damaged message is reported with file and position, and its run gives all the others") {
  Rig rig;
  const auto run = rig.home(RunId(1), survivors({100, 100}));
  const auto entries = rig.load(run).value();
  rig.reader->forget_run(run.extent);
  rig.reader->add_run(run.extent);
  rig.files.flip_bit("/d/backlog.dat", backlog_position(entries[1].body) + 5);
  CHECK(rig.read(entries[0].body, 100) == text_for(100, 100));
  const std::string text = rig.read(entries[1].body, 100);
  CHECK(text.find("/d/backlog.dat") != std::string::npos);
  CHECK(text.find(std::to_string(backlog_position(entries[1].body))) != std::string::npos);
  CHECK(rig.load(run).value() == entries);
  CHECK(rig.read(entries[0].body, 100) == text_for(100, 100));
  CHECK(rig.read(entries[1].body, 100) == text);

  rig.files.flip_bit("/d/backlog.dat", run.extent.position + 45);  // an entry of its table
  rig.reader->forget_run(run.extent);
  rig.reader->add_run(run.extent);
  CHECK(rig.load(run).error().code == ErrorCode::corrupt);
}

TEST_CASE("the file shrinks when its last runs are given back") {
  Rig rig;
  const auto a = rig.home(RunId(1), survivors({3000})), b = rig.home(RunId(2), survivors({9000}));
  rig.give_back({b.extent});
  CHECK(rig.backlog->file().size().value() == a.extent.size_bytes);
  CHECK(rig.backlog->taken_size_bytes() == a.extent.size_bytes);
}

TEST_CASE("what is retired is freed a little at a time, and nobody is given it before") {
  Rig rig;
  const Extent a = rig.backlog->take(64u << 10), b = rig.backlog->take(4096), c = rig.backlog->take(40u << 10), d = rig.backlog->take(4096);
  const std::vector<std::byte> bytes(d.end(), std::byte{7});
  REQUIRE(rig.backlog->write(0, bytes, false).ok());
  const auto punched = [&] { return rig.files.count(FileOperation::punch_hole); };
  const auto cut = [&] { return rig.files.count(FileOperation::truncate); };
  const auto punched_before = punched(), cut_before = cut();

  rig.backlog->retire({a, c, d});  // c and d are one
  CHECK(rig.backlog->taken_size_bytes() == d.end());
  const Extent other = rig.backlog->take(64u << 10);
  CHECK(other.position == d.end());
  for (std::uint64_t freed = 0; rig.backlog->has_retired();) {
    REQUIRE(rig.backlog->free_some().ok());
    const std::uint64_t freed_now = other.end() - rig.backlog->taken_size_bytes();
    CHECK(freed_now > freed);
    CHECK(freed_now - freed <= Rig::removal_step);
    freed = freed_now;
  }
  CHECK(rig.backlog->taken_size_bytes() == b.size_bytes + other.size_bytes);
  CHECK(punched() - punched_before >= (a.size_bytes + c.size_bytes + d.size_bytes) / Rig::removal_step);
  CHECK(cut() == cut_before);
  CHECK(rig.backlog->take(64u << 10) == a);

  rig.backlog->retire({other});
  REQUIRE(rig.backlog->free_some().ok());
  CHECK(rig.backlog->file().size().value() == other.end() - Rig::removal_step);
  rig.backlog->hurry();
  REQUIRE(rig.backlog->free_some().ok());
  CHECK_FALSE(rig.backlog->has_retired());
  CHECK(rig.backlog->file().size().value() == b.end());  // what lay before it was free already
}

TEST_CASE("what could not be freed on the disk can be taken again") {
  Rig rig;
  const Extent a = rig.backlog->take(8192), b = rig.backlog->take(4096);
  rig.files.fail(1, FaultKind::io_error, FileOperation::punch_hole);
  rig.backlog->retire({a});
  CHECK_FALSE(rig.backlog->free_some().ok());
  CHECK_FALSE(rig.backlog->has_retired());
  CHECK(rig.backlog->taken_size_bytes() == b.size_bytes);
  CHECK(rig.backlog->take(8192) == a);
}

TEST_CASE("a file that ends before its last run is damage") {
  MemoryFileSystem files;
  REQUIRE(files.make_directory("/d").ok());
  REQUIRE(BacklogFile::open(files, "/d", {}, 4096).ok());
  CHECK(BacklogFile::open(files, "/d", {{0, 4096}}, 4096).error().code == ErrorCode::corrupt);
}

}  // namespace tandem::storage
