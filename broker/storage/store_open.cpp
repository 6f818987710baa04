// Start-up: lock, checkpoint, journal, and then ready.
#include <algorithm>

#include "broker/base/limits.h"
#include "broker/storage/record_codec.h"
#include "broker/storage/store_parts.h"

namespace tandem::storage {
namespace {

std::uint64_t or_default(std::uint64_t value, std::uint64_t standard) {
  return value != 0 ? value : standard;
}

std::unique_ptr<Worker> make_worker(bool inline_threads, const char* name) {
  if (inline_threads) return std::make_unique<InlineWorker>();
  return std::make_unique<ThreadWorker>(name);
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options, FileSystem& files,
                                           StoreEvents& events,
                                           std::function<void(std::function<void()>)> post,
                                           const ReplaySink& replay, RecoveryReport& report) {
  auto store = std::make_unique<StoreParts>(options, files, events, std::move(post));
  if (auto recovered = store->recover(replay, report); !recovered) return recovered.error();
  return std::unique_ptr<Store>(std::move(store));
}

StoreParts::StoreParts(const StoreOptions& options, FileSystem& files, StoreEvents& events,
                       std::function<void(std::function<void()>)> post)
    : options_(options),
      files_(files),
      events_(events),
      post_(std::move(post)),
      alive_(std::make_shared<StoreParts*>(this)),
      journal_worker_(make_worker(options.inline_threads, "journal")),
      checkpoint_worker_(make_worker(options.inline_threads, "checkpoint")),
      reader_worker_(make_worker(options.inline_threads, "reader")),
      large_worker_(make_worker(options.inline_threads, "large")) {}

/// Without close() this is a crash for the store; threads only end what they have begun.
StoreParts::~StoreParts() {
  alive_.reset();
  if (compaction_) compaction_->cancelled = true;
  if (options_.inline_threads) return;
  remover_.hurry();
  if (backlog_) backlog_->hurry();
  for (Worker* worker : {large_worker_.get(), journal_worker_.get(), checkpoint_worker_.get(), reader_worker_.get(), checkpoint_worker_.get()})
    worker->wait_until_idle();
}

BodyCache::Post StoreParts::guarded_post() const {
  return [post = post_, alive = std::weak_ptr(alive_)](std::function<void()> task) {
    post([alive, task = std::move(task)] {
      if (!alive.expired()) task();
    });
  };
}

Result<> StoreParts::recover(const ReplaySink& replay, RecoveryReport& report) {
  if (auto made = files_.make_directory(options_.directory); !made) return made;
  auto lock = files_.lock_directory(options_.directory);
  if (!lock) return lock.error();
  lock_ = std::move(*lock);

  auto lmdb = Lmdb::open(options_.lmdb_directory.empty() ? options_.directory : options_.lmdb_directory);
  if (!lmdb) return lmdb.error();
  lmdb_ = std::move(*lmdb);
  auto segments = JournalSegments::open(
      files_, options_.directory + "/journal",
      or_default(options_.journal_segment_size_bytes, limits::journal_segment_size_bytes));
  if (!segments) return segments.error();
  segments_ = std::move(*segments);
  const std::uint64_t cache_size = or_default(options_.body_cache_max_bytes, limits::body_cache_max_bytes);
  cache_ = std::make_unique<BodyCache>(*segments_, *reader_worker_, guarded_post(), cache_size / 4 * 3);
  const std::string topics_directory = options_.directory + "/topics";
  if (auto made = files_.make_directory(topics_directory); !made) return made;
  topics_ = std::make_unique<TopicStore>(files_, topics_directory, *cache_, *reader_worker_, guarded_post(),
                                         options_.large_tails);

  auto checkpoint = replay_checkpoint(replay, report);
  if (!checkpoint) return checkpoint.error();
  has_old_runs_ = checkpoint->has_old_runs;
  TopicStore::KnownSegments known;
  for (const auto& [partition, segment] : checkpoint->segments)
    known[partition].insert(segment_file_name(segment.facts.base, segment.facts.generation));
  if (auto opened = open_homes(*checkpoint); !opened) return opened;
  const auto end = replay_journal(checkpoint->mark, replay, report);
  if (!end) return end.error();
  if (!checkpoint->mark.clean) remove_leftovers(std::move(known));
  topics_->replayed();
  const bool is_new = checkpoint->mark == CheckpointMark{} && end->frames == 0;
  report.clean = (is_new || checkpoint->mark.clean) && end->records == 0 && end->torn_tail_bytes == 0;
  return start(checkpoint->mark, *end);
}

Result<RecoveredCheckpoint> StoreParts::replay_checkpoint(const ReplaySink& replay, RecoveryReport& report) {
  return recover_checkpoint(*lmdb_, [&](const core::Record& record, TurnNumber turn) {
    report.checkpoint_records += 1;
    if (const auto* run = std::get_if<core::RunHomed>(&record)) {
      runs_.add(run->queue, {run->run, {run->position, run->extent_bytes}, true, true});
      next_run_ = std::max(next_run_, RunId(run->run.value + 1));
    }
    if (const auto* created = std::get_if<core::TopicCreated>(&record)) topics_->follow(*created);
    if (const auto* state = std::get_if<core::PartitionState>(&record)) topics_->follow(*state);
    replay(record, turn);
  });
}

Result<> StoreParts::open_homes(RecoveredCheckpoint& recovered) {
  for (auto& [partition, segment] : recovered.segments) topics_->restore_segment(partition, std::move(segment));
  const std::vector<Extent> live = runs_.extents();
  auto backlog = BacklogFile::open(files_, options_.directory, live, options_.removal_step_bytes);
  if (!backlog) return backlog.error();
  backlog_ = std::move(*backlog);
  const std::uint64_t cache_size = or_default(options_.body_cache_max_bytes, limits::body_cache_max_bytes);
  backlog_reader_ =
      std::make_unique<BacklogReader>(backlog_->file(), *reader_worker_, guarded_post(), cache_size / 4);
  for (const Extent& extent : live) backlog_reader_->add_run(extent);
  return Done{};
}

/// What crashes left of topics, and nothing refers to.
void StoreParts::remove_leftovers(TopicStore::KnownSegments known) {
  topics_->expect_leftovers(known);
  checkpoint_worker_->run([topics = topics_.get(), known = std::move(known)] {
    (void)topics->remove_leftovers(known);  // what stays is found at the next start
  });
}

Result<JournalEnd> StoreParts::replay_journal(const CheckpointMark& mark, const ReplaySink& replay,
                                              RecoveryReport& report) {
  FrameVisitor visitor;
  visitor.record = [&](const core::Record& record, TurnNumber turn) -> Result<> {
    follow(record);
    if (const auto* appended = std::get_if<core::Appended>(&record))
      if (auto followed = topics_->follow(*appended); !followed) return followed;
    replay(record, turn);
    return Done{};
  };
  auto end = read_journal(*segments_, mark.journal, visitor, *reader_worker_);
  if (!end) return end;
  report.journal_records = end->records;
  report.journal_bytes = end->size_bytes;
  report.torn_tail_bytes = end->torn_tail_bytes;
  return end;
}

Result<> StoreParts::start(const CheckpointMark& mark, const JournalEnd& end) {
  JournalOptions journal_options;
  journal_options.size_max_bytes = options_.journal_size_max_bytes;
  journal_options.quick_sync_max = options_.quick_sync_max;
  journal_options.buffer_size_bytes = options_.journal_buffer_size_bytes;
  journal_options.salt = options_.journal_salt;
  journal_options.group_size_max_bytes = options_.journal_group_size_max_bytes;
  auto journal =
      Journal::open(journal_options,
                    {files_, *segments_, *cache_, *journal_worker_, *checkpoint_worker_, *large_worker_, guarded_post(), *this}, end);
  if (!journal) return journal.error();
  journal_ = std::move(*journal);
  apart_ = std::make_unique<ApartBuffers>(*cache_);
  last_cut_ = previous_cut_ = mark.journal.position;
  if (last_cut_ > 0) journal_->recycle_below(last_cut_);

  CheckpointMark running = mark;
  running.clean = false;
  LmdbChanges changes;
  changes.puts.push_back({std::string(keys::mark), encode_mark(running)});
  if (auto moved = move_old_runs(changes); !moved) return moved;
  if (auto committed = lmdb_->commit(changes); !committed) return committed;
  checkpoint_size_bytes_ = lmdb_->size_bytes();
  // A crash may have come between a checkpoint with compacted files and the core's record of them.
  for (const core::CompactionDone& done : topics_->compacted_partitions())
    guarded_post()([this, done] { events_.compacted(done); });
  return Done{};
}

/// A store of format 5 or older keeps its runs under other keys.
Result<> StoreParts::move_old_runs(LmdbChanges& changes) {
  if (!has_old_runs_) return Done{};
  changes.erasures.push_back({std::string(keys::old_runs), {}, 0});
  auto moved = lmdb_->for_each(keys::old_runs, [&changes](std::string_view, std::string_view value) -> Result<> {
    const auto record = decode_record(bytes_of(value));
    if (!record) return record.error();
    changes.puts.push_back({keys::run(std::get<core::RunHomed>(*record).run), std::string(value)});
    return Done{};
  });
  std::sort(changes.puts.begin(), changes.puts.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  return moved;
}

}  // namespace tandem::storage
