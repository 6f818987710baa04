// The store with its real threads on the real file system: the same promises, beside each other.
#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

#include "broker/storage/file.h"
#include "broker/storage/store.h"
#include "schemas/batch.h"
#include "tests/storage/file_support.h"

namespace tandem::store_threads_test {
namespace {

const QueueId queue{1};
const PartitionId partition{TopicId(5), 0};

std::string body(QueueSeq seq) {
  return "message " + std::to_string(seq) + std::string(seq % 700, '.');
}

/// A loop thread's duties: posted tasks, and the core's part.
class Rig : public storage::StoreEvents {
 public:
  void open() {
    options.directory = directory.path();
    options.journal_segment_size_bytes = 1u << 20;
    options.journal_size_max_bytes = 16u << 20;
    options.body_cache_max_bytes = 1u << 20;
    replayed.clear();
    auto opened = storage::Store::open(
        options, *files, *this, [this](auto task) { post(std::move(task)); },
        [this](const core::Record& record, TurnNumber in_turn) {
          replayed.push_back(record);
          turn = std::max(turn, in_turn);
        },
        report);
    REQUIRE_MESSAGE(opened.ok(), (opened.ok() ? "" : opened.error().text));
    store = std::move(*opened);
  }
  void post(std::function<void()> task) {
    const std::lock_guard lock(mutex);
    posted.push_back(std::move(task));
    arrived.notify_one();
  }
  void run_posted() {
    std::deque<std::function<void()>> tasks;
    {
      const std::lock_guard lock(mutex);
      tasks.swap(posted);
    }
    for (auto& task : tasks) task();
  }
  template <class Condition>
  void wait_until(Condition condition) {
    while (!condition()) {
      store->flush();
      {
        std::unique_lock lock(mutex);
        arrived.wait_for(lock, std::chrono::milliseconds(20), [this] { return !posted.empty(); });
      }
      run_posted();
      REQUIRE(failures.empty());
    }
  }
  void record(const core::Record& record) { store->write({&record, 1}, ++turn); }

  core::CheckpointState state() {
    core::CheckpointState made;
    made.turn = turn;
    core::Counters counters;
    counters.turn = turn;
    core::PartitionState of_partition;
    of_partition.partition = partition;
    of_partition.end = end;
    made.states = {counters, of_partition};
    made.survivors.push_back({queue, 0, in_journal});
    moving = std::exchange(in_journal, {}).size();
    return made;
  }

  void persisted(TurnNumber through) override { persisted_through = through; }
  void failed(const Error& error) override { failures.push_back(error.text); }
  void checkpoint_done(storage::StoredRuns runs) override {
    std::size_t moved = 0;
    for (const auto& run : runs.take(~std::size_t{0}))
      for (const auto& [seq, where] : run.moved) {
        places[seq] = where;
        ++moved;
      }
    CHECK(moved == moving);
    ++checkpoints;
  }
  void disk_short(bool, std::uint64_t) override {}

  test::TemporaryDirectory directory;
  std::unique_ptr<storage::FileSystem> files = storage::make_posix_file_system();
  storage::StoreOptions options;
  storage::RecoveryReport report;
  std::mutex mutex;
  std::condition_variable arrived;
  std::deque<std::function<void()>> posted;
  std::unique_ptr<storage::Store> store;
  std::vector<core::Record> replayed;
  std::vector<std::string> failures;
  TurnNumber turn = 0, persisted_through = 0;
  Offset end = 0;
  std::size_t checkpoints = 0, moving = 0;
  std::vector<core::QueueEntry> in_journal;
  std::map<QueueSeq, BodyHandle> places;
};

}  // namespace

TEST_CASE("writing, reading and checkpoints go on beside each other") {
  Rig rig;
  rig.open();
  core::QueueDeclared declared;
  declared.id = queue;
  declared.name = "q";
  rig.record(declared);
  core::TopicCreated created;
  created.id = partition.topic;
  created.name = "t";
  created.config = {{"segment.bytes", "200000"}};
  rig.record(created);

  std::size_t reads = 0, answered = 0;
  const auto read_back = [&](QueueSeq seq) {
    ++reads;
    rig.store->read(rig.places.at(seq), static_cast<std::uint32_t>(body(seq).size()), [&, seq](auto bytes) {
      REQUIRE_MESSAGE(bytes.ok(), (bytes.ok() ? "" : bytes.error().text));
      CHECK(text_of(bytes->bytes) == body(seq));
      ++answered;
    });
  };
  for (QueueSeq seq = 1; seq <= 8000; ++seq) {
    const std::string text = body(seq);
    core::QueueEntry entry;
    entry.seq = seq;
    entry.body = rig.store->stage({bytes_of(text)});
    entry.size_bytes = static_cast<std::uint32_t>(text.size());
    entry.durable = true;
    rig.record(core::Enqueued{queue, entry, false});
    rig.in_journal.push_back(entry);
    rig.places[seq] = entry.body;
    if (seq % 4 == 0) {
      BatchBuilder builder;
      builder.add(1, std::nullopt, bytes_of(text));
      const auto batch = builder.finish().value();
      core::Appended appended;
      appended.partition = partition;
      appended.base_offset = rig.end++;
      appended.body = rig.store->stage({batch});
      appended.size_bytes = static_cast<std::uint32_t>(batch.size());
      rig.record(appended);
    }
    if (seq % 16 == 0) {
      rig.store->flush();
      rig.run_posted();
      read_back(1 + seq * 7919 % seq);
      if (seq % 1600 == 0) {
        rig.wait_until([&] { return rig.checkpoints == seq / 1600 - 1; });
        rig.store->begin_checkpoint(rig.state());
      }
    }
    if (rig.store->behind()) rig.wait_until([&] { return !rig.store->behind(); });
  }
  rig.wait_until(
      [&] { return rig.persisted_through == rig.turn && answered == reads && rig.checkpoints == 5; });
  for (Offset next = 0; next < rig.end;) {
    bool done = false;
    rig.store->read_topic(partition, next, rig.end, 1u << 16, [&](auto bytes) {
      REQUIRE_MESSAGE(bytes.ok(), (bytes.ok() ? "" : bytes.error().text));
      for (Bytes rest = bytes->bytes; !rest.empty();) {
        const auto header = parse_batch_header(rest).value();
        CHECK(header.base_offset == next);
        next = header.last_offset() + 1;
        rest = rest.subspan(header.size_bytes);
      }
      done = true;
    });
    rig.wait_until([&] { return done; });
  }
  REQUIRE(rig.store->close(rig.state()).ok());
  rig.store.reset();
  const auto checked = storage::check_store(rig.options.directory, *rig.files);
  REQUIRE(checked.ok());
  for (const auto& problem : checked->problems) MESSAGE(problem);
  CHECK(checked->problems.empty());
  rig.open();
  CHECK(rig.report.clean);
  std::size_t homed = 0;
  for (const auto& record : rig.replayed)
    if (const auto* run = std::get_if<core::RunHomed>(&record)) homed += run->count;
  CHECK(homed == 8000);
}

}  // namespace tandem::store_threads_test
