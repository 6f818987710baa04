// A whole store on an in-memory disk (LMDB alone needs a real directory), whose background work runs when the
// test says so. The rig plays the core: it makes the records and keeps what must be found again.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "broker/storage/memory_file_system.h"
#include "broker/storage/store.h"
#include "schemas/batch.h"

namespace tandem::test {

/// A real directory for LMDB, in memory where the system has such a place: its commits wait for no disk
/// there.
class LmdbDirectory {
 public:
  LmdbDirectory() {
    const std::filesystem::path memory = "/dev/shm";
    const auto parent = std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path();
    std::string pattern = (parent / "tandem-lmdb-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~LmdbDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  LmdbDirectory(const LmdbDirectory&) = delete;
  LmdbDirectory& operator=(const LmdbDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// RunStored with its own memory.
struct StoredRun {
  core::RunStored run;
  std::vector<std::pair<QueueSeq, BodyHandle>> moved;
};

class StoreRig : public storage::StoreEvents {
 public:
  explicit StoreRig(bool fresh_cache = false) {
    options.directory = "/store";
    options.lmdb_directory = lmdb_directory.path();
    options.inline_threads = true;
    options.journal_segment_size_bytes = 256u << 10;
    if (fresh_cache) options.body_cache_max_bytes = 1;
  }

  Result<> open() {
    replayed.clear();
    report = {};
    posted.clear();
    persisted_through = 0;
    auto opened = storage::Store::open(
        options, files, *this, [this](auto task) { posted.push_back(std::move(task)); },
        [this](const core::Record& record, TurnNumber in_turn) {
          replayed.emplace_back(in_turn, record);
          turn = std::max(turn, in_turn);
        },
        report);
    if (!opened) return opened.error();
    store = std::move(*opened);
    return Done{};
  }
  void must_open() {
    const auto opened = open();
    REQUIRE_MESSAGE(opened.ok(), (opened.ok() ? "" : opened.error().text));
  }
  /// The process is gone; power stays.
  void kill() {
    store.reset();
    files.kill();
  }
  void crash(std::mt19937_64& random) {
    store.reset();
    files.crash(random);
  }
  /// Closes in order with the queues' and partitions' last states.
  void close(core::CheckpointState state = {}) {
    const auto closed = store->close(std::move(state));
    REQUIRE_MESSAGE(closed.ok(), (closed.ok() ? "" : closed.error().text));
    kill();
  }

  /// What the store gave to the loop, but no more work of its threads.
  void run_posted() {
    while (!posted.empty()) {
      const auto task = std::move(posted.front());
      posted.pop_front();
      task();
    }
  }
  void settle() {
    while (true) {
      store->pump();
      if (posted.empty()) return;
      auto task = std::move(posted.front());
      posted.pop_front();
      task();
    }
  }

  // --- what the core would record
  // -----------------------------------------------------------------------------------

  void record(core::Record record) {
    const bool durable = core::is_durable(record);
    const TurnNumber number = durable ? ++turn : 0;
    store->write({&record, 1}, number);
  }
  void persist() {
    store->flush();
    settle();
  }
  /// What found no room on the disk is tried again.
  void retry() {
    store->background(0);
    settle();
  }
  core::QueueEntry publish(QueueId queue, QueueSeq seq, const std::string& text, bool durable = true) {
    core::QueueEntry entry;
    entry.seq = seq;
    entry.body = store->stage({bytes_of(text)});
    entry.size_bytes = static_cast<std::uint32_t>(text.size());
    entry.durable = durable;
    record(core::Enqueued{queue, entry, false});
    return entry;
  }
  void declare_queue(QueueId queue) {
    core::QueueDeclared declared;
    declared.id = queue;
    declared.name = "q" + std::to_string(queue.value);
    record(declared);
  }
  void create_topic(TopicId topic, std::vector<std::pair<std::string, std::string>> config = {}) {
    core::TopicCreated created;
    created.id = topic;
    created.name = "t" + std::to_string(topic.value);
    created.config = std::move(config);
    record(created);
  }
  /// One batch of one record per value.
  void append(PartitionId partition, const std::vector<std::string>& values, TimestampMs timestamp = 1000) {
    BatchBuilder builder;
    for (const auto& value : values) builder.add(timestamp, std::nullopt, bytes_of(value));
    const auto batch = builder.finish().value();
    core::Appended appended;
    appended.body = store->stage_batch(partition, batch);
    appended.size_bytes = static_cast<std::uint32_t>(batch.size());
    appended.record_count = static_cast<std::int32_t>(values.size());
    record_append(partition, std::move(appended), timestamp);
  }
  /// A message that came through an exchange.
  void append_message(PartitionId partition, const std::string& body, TimestampMs timestamp = 1000,
                      std::optional<std::string> key = std::nullopt) {
    std::vector<std::byte> properties, message;
    append_properties(properties, {});
    tandem::append_message(message, {"exchange", "routing", properties, bytes_of(body)});
    core::Appended appended;
    appended.form = core::AppendedForm::message;
    appended.body = store->stage({message});
    appended.size_bytes = static_cast<std::uint32_t>(message.size());
    appended.has_key = key.has_value();
    appended.key = key.value_or("");
    record_append(partition, std::move(appended), timestamp);
  }

  // --- checkpoints
  // ----------------------------------------------------------------------------------------------------

  core::CheckpointState state(std::vector<core::Survivors> survivors = {}) {
    core::CheckpointState made;
    made.turn = turn;
    made.survivors = std::move(survivors);
    core::Counters counters;
    counters.turn = turn;
    made.states.push_back(counters);
    for (const auto& [id, next] : ends) {
      core::PartitionState partition;
      partition.partition = id;
      partition.start = starts[id];
      partition.end = next;
      made.states.push_back(partition);
    }
    return made;
  }
  /// A whole one; its runs are in `stored`.
  void checkpoint(std::vector<core::Survivors> survivors = {}) {
    stored.clear();
    const std::size_t before = checkpoints;
    store->begin_checkpoint(state(std::move(survivors)));
    settle();
    REQUIRE(checkpoints == before + 1);
  }

  // --- reading
  // ----------------------------------------------------------------------------------------------------------

  std::string read(BodyHandle body, std::size_t size) {
    std::string text = "(never answered)";
    store->read(body, static_cast<std::uint32_t>(size), [&](Result<storage::StoredBytes> bytes) {
      text = bytes.ok() ? std::string(text_of(bytes->bytes)) : bytes.error().text;
    });
    settle();
    return text;
  }
  Result<std::vector<core::QueueEntry>> load_run(QueueId queue, RunId run) {
    Result<std::vector<core::QueueEntry>> loaded = Error{ErrorCode::internal, "never answered"};
    store->load_run(queue, run, [&](auto entries) { loaded = std::move(entries); });
    settle();
    return loaded;
  }
  Result<std::vector<std::byte>> fetch(PartitionId partition, Offset offset, Offset visible_end,
                                       std::uint32_t size_max_bytes = 1u << 20) {
    Result<std::vector<std::byte>> fetched = Error{ErrorCode::internal, "never answered"};
    store->read_topic(partition, offset, visible_end, size_max_bytes,
                      [&](Result<storage::StoredBytes> bytes) {
                        if (bytes)
                          fetched = std::vector<std::byte>(bytes->bytes.begin(), bytes->bytes.end());
                        else
                          fetched = bytes.error();
                      });
    settle();
    return fetched;
  }
  /// Every value from `offset` on by as many fetches as it takes; offsets must be dense.
  std::vector<std::string> values(PartitionId partition, Offset offset = 0,
                                  std::uint32_t size_max_bytes = 1u << 20) {
    std::vector<std::string> found;
    const Offset end = ends[partition];
    for (Offset next = offset; next < end;) {
      const auto bytes = fetch(partition, next, end, size_max_bytes);
      REQUIRE_MESSAGE(bytes.ok(), (bytes.ok() ? "" : bytes.error().text));
      REQUIRE_FALSE(bytes->empty());
      for (Bytes rest = *bytes; !rest.empty();) {
        const auto header = parse_batch_header(rest).value();
        REQUIRE(judge_batch(rest.first(header.size_bytes)).ok());
        REQUIRE(for_each_record(rest.first(header.size_bytes), [&](const RecordView& view) {
                  if (view.offset < next) return true;
                  CHECK(view.offset == next);
                  found.emplace_back(text_of(*view.value));
                  ++next;
                  return true;
                }).ok());
        rest = rest.subspan(header.size_bytes);
      }
    }
    return found;
  }
  storage::Store::TimestampFound find(PartitionId partition, TimestampMs at, Offset start, Offset end) {
    storage::Store::TimestampFound found{-2, -2};
    store->find_timestamp(partition, at, start, end, [&](auto result) {
      REQUIRE(result.ok());
      found = *result;
    });
    settle();
    return found;
  }
  std::vector<std::string> problems() {
    const auto checked = storage::check_store(options.directory, files, options.lmdb_directory);
    REQUIRE(checked.ok());
    return checked->problems;
  }
  template <class R>
  std::vector<R> replayed_of() const {
    std::vector<R> found;
    for (const auto& [in_turn, record] : replayed)
      if (const auto* r = std::get_if<R>(&record)) found.push_back(*r);
    return found;
  }

  // StoreEvents.
  void persisted(TurnNumber through) override { persisted_through = std::max(persisted_through, through); }
  void failed(const Error& error) override { failures.push_back(error); }
  void checkpoint_done(storage::StoredRuns runs) override {
    ++checkpoints;
    for (const auto& run : runs.take(~std::size_t{0})) {
      stored.push_back({run, {run.moved.begin(), run.moved.end()}});
      stored.back().run.moved = stored.back().moved;
    }
  }
  void disk_short(bool is_short, std::uint64_t) override { disk_is_short = is_short; }
  void trouble(const Error& error) override { troubles.push_back(error); }

  LmdbDirectory lmdb_directory;
  storage::MemoryFileSystem files;
  storage::StoreOptions options;
  std::unique_ptr<storage::Store> store;
  storage::RecoveryReport report;
  std::deque<std::function<void()>> posted;
  std::vector<std::pair<TurnNumber, core::Record>> replayed;

  TurnNumber turn = 0;
  TurnNumber persisted_through = 0;
  std::vector<Error> failures;  // the store has stopped
  std::vector<Error> troubles;  // it tries again
  std::size_t checkpoints = 0;
  std::deque<StoredRun> stored;
  bool disk_is_short = false;
  std::map<PartitionId, Offset> ends, starts;

 private:
  void record_append(PartitionId partition, core::Appended appended, TimestampMs timestamp) {
    appended.partition = partition;
    appended.base_offset = ends[partition];
    appended.max_timestamp = timestamp;
    ends[partition] += appended.record_count;
    record(std::move(appended));
  }
};

}  // namespace tandem::test
