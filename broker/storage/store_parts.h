// The store behind store.h: joins journal, body cache, backlog, topics, checkpoint and LMDB. Internal to
// storage/.
//   store.cpp             the door: writing, reading, following the records
//   store_open.cpp        start-up
//   store_checkpoint.cpp  checkpoints and the orderly end
//   store_compact.cpp     what time makes due: disk space, compaction, old files
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <set>

#include "broker/storage/apart_buffers.h"
#include "broker/storage/backlog.h"
#include "broker/storage/backlog_runs.h"
#include "broker/storage/body_cache.h"
#include "broker/storage/checkpoint.h"
#include "broker/storage/checkpoint_changes.h"
#include "broker/storage/file.h"
#include "broker/storage/file_remover.h"
#include "broker/storage/journal.h"
#include "broker/storage/lmdb.h"
#include "broker/storage/recover.h"
#include "broker/storage/store.h"
#include "broker/storage/topic_store.h"
#include "broker/base/worker.h"

namespace tandem::storage {

class StoreParts : public Store, private JournalEvents {
 public:
  StoreParts(const StoreOptions& options, FileSystem& files, StoreEvents& events,
             std::function<void(std::function<void()>)> post);
  ~StoreParts() override;

  Result<> recover(const ReplaySink& replay, RecoveryReport& report);

  BodyHandle stage(std::initializer_list<Bytes> parts) override { return journal_->stage(parts); }
  BodyHandle stage_batch(PartitionId likely, Bytes batch) override;
  std::uint64_t stage_large(std::initializer_list<Bytes> head, Bytes rest, std::function<void(BodyHandle body)> staged) override;
  bool unstage_large(std::uint64_t which) override { return large_bodies_.erase(which) > 0; }
  void unstage() override;
  void write(std::span<const core::Record> records, TurnNumber turn) override;
  void flush() override;
  void flush_ahead() override;
  bool behind() const override { return journal_->behind() || topics_are_behind(); }

  StoredBytes resident(BodyHandle body, std::uint32_t size_bytes) override;
  void read(BodyHandle body, std::uint32_t size_bytes,
            std::function<void(Result<StoredBytes>)> done) override;
  void load_run(QueueId queue, RunId run,
                std::function<void(Result<std::vector<core::QueueEntry>>)> done) override;
  void drop_run(QueueId queue, RunId run) override;

  void read_topic(PartitionId partition, Offset offset, Offset visible_end, std::uint32_t size_max_bytes,
                  std::function<void(Result<StoredBytes>)> done) override;
  void find_timestamp(PartitionId partition, TimestampMs at, Offset start, Offset end,
                      std::function<void(Result<TimestampFound>)> done) override;
  void drop_topic(TopicId topic) override { topics_->drop(topic); }
  std::vector<core::RetentionDue> retention_due(TimestampMs now) override;
  void background(TimestampMs now) override;

  bool checkpoint_wanted() const override;
  void begin_checkpoint(core::CheckpointState state) override;
  Result<> close(core::CheckpointState state) override;
  bool pump() override;
  bool pump_one(Background thread) override;
  Usage usage() const override;

 private:
  /// A checkpoint on its way. The checkpoint's thread has it from `started` on, until `finished`.
  struct RunningCheckpoint {
    RunningCheckpoint(const CheckpointParts& parts, CheckpointTask task, std::uint64_t groups)
        : checkpoint(parts, std::move(task)), groups_before(groups) {}
    Checkpoint checkpoint;
    const std::uint64_t groups_before;  // Journal::groups() that it waits for
    bool started = false;
    bool waits_for_space = false;
    Result<> result;
    std::atomic<bool> finished = false;
  };
  /// A compaction on its way. The checkpoint's thread has it until `finished`.
  struct RunningCompaction {
    RunningCompaction(FileSystem& files, CompactionTask task, const std::atomic<std::uint64_t>& counter)
        : compaction(files, std::move(task)), served(counter) {}
    Compaction compaction;
    const std::atomic<std::uint64_t>& served;
    std::uint64_t served_before = 0;  // the last slice began
    std::atomic<bool> cancelled = false;
    Result<> result;
    std::atomic<bool> finished = false;
  };
  /// What becomes of the runs that a finished checkpoint wrote.
  enum class Runs { report, discard, leave /* the store closes: only the next start reads them */ };

  // JournalEvents.
  void persisted(TurnNumber turn) override {
    ++served_;
    events_.persisted(turn);
  }
  void home_written(std::vector<HomeWrite> homes) override {
    for (const HomeWrite& home : homes) topics_->home_written(home);
  }
  void failed(const Error& error) override;
  void stalled(const Error& error) override { disk_is_full(error); }

  // Start-up (store_open.cpp).
  void make_workers();
  BodyCache::Post guarded_post() const;
  Result<RecoveredCheckpoint> replay_checkpoint(const ReplaySink& replay, RecoveryReport& report);
  Result<> open_homes(RecoveredCheckpoint& recovered);
  Result<JournalEnd> replay_journal(const CheckpointMark& mark, const ReplaySink& replay,
                                    RecoveryReport& report);
  void remove_leftovers(TopicStore::KnownSegments known);
  Result<> start(const CheckpointMark& mark, const JournalEnd& end);
  Result<> move_old_runs(LmdbChanges& changes);

  // Following the records (store.cpp).
  void follow(const core::Record& record);
  void place_batch(core::Appended& appended);
  void place_apart(core::Appended& appended);
  void begin_large_body();
  void forget_queue(QueueId queue);
  void check_disk();
  void say_disk_is_short(bool is_short, std::uint64_t free_bytes);
  void disk_is_full(const Error& error);

  // Checkpoints (store_checkpoint.cpp).
  bool checkpoint_is_due() const;
  void prepare_checkpoint(core::CheckpointState state, bool clean);
  void start_when_durable();
  void checkpoint_again();
  void make_old(Extent extent) {
    old_extents_.push_back({extent, backlog_reader_->reads_begun()});
    old_since_checkpoint_bytes_ += extent.size_bytes;
  }
  std::vector<Extent> take_old_extents();
  bool topics_are_behind() const;
  std::uint64_t journal_size_max_bytes() const;
  std::uint64_t interval_bytes() const;
  bool journal_is_nearly_full() const;
  Lsn recyclable_below();
  static void run_slices(Worker& worker, std::shared_ptr<RunningCheckpoint> running,
                         std::function<void()> done);
  void finish_checkpoint(Runs runs);
  Result<> complete_checkpoint(Runs runs);
  std::vector<core::RunStored> take_in_runs(const std::vector<HomedRun>& homed);
  void discard_runs(const std::vector<HomedRun>& homed);

  // What time makes due (store_compact.cpp).
  void retry_what_found_no_room();
  void give_back_spares();
  bool topics_want_checkpoint() const;
  void compact();
  static void compact_slices(Worker& worker, std::shared_ptr<RunningCompaction> running,
                             std::function<void()> done);
  void compaction_ended();
  void end_compaction();
  void remove_old_files(OldTopicFiles old);
  void free_backlog();
  void free_steps(std::function<void(const Error&)> failed);
  static void remove_steps(Worker& worker, FileRemover& remover, std::function<void(const Error&)> failed);

  const StoreOptions options_;
  FileSystem& files_;
  StoreEvents& events_;
  const std::function<void(std::function<void()>)> post_;
  std::shared_ptr<StoreParts*> alive_;  // posted tasks look here first

  std::unique_ptr<DirectoryLock> lock_;
  std::unique_ptr<Worker> journal_worker_, checkpoint_worker_, reader_worker_, large_worker_;
  FileRemover remover_{files_, options_.removal_step_bytes};  // of the checkpoint's thread
  std::unique_ptr<Lmdb> lmdb_;
  std::unique_ptr<JournalSegments> segments_;
  std::unique_ptr<BodyCache> cache_;
  std::unique_ptr<TopicStore> topics_;
  std::unique_ptr<BacklogFile> backlog_;
  bool backlog_is_freed_ = false;  // step by step; of the checkpoint's thread
  std::unique_ptr<BacklogReader> backlog_reader_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<ApartBuffers> apart_;

  std::map<std::uint64_t, LargeBody> large_bodies_;  // that wait for their stretch of the journal, one after the other
  std::uint64_t next_large_body_ = 1;

  BacklogRuns runs_;
  bool has_old_runs_ = false;  // see RecoveredCheckpoint; at start-up only
  RunId next_run_{1};
  CheckpointChanges changes_;
  /// Of a dropped run: free once a checkpoint has forgotten it, and all reads that had begun before are through.
  struct OldExtent {
    Extent extent;
    std::uint64_t reads_begun = 0;
  };
  std::vector<OldExtent> old_extents_;
  std::uint64_t old_since_checkpoint_bytes_ = 0;
  std::set<QueueId> deleted_queues_;     // since the running checkpoint began
  std::vector<core::Record> rewritten_;  // a turn whose batches had to be staged again

  std::shared_ptr<RunningCheckpoint> running_;
  bool homes_from_memory_ = false;  // the running one, or the last
  Lsn last_cut_ = 0;      // of the newest committed or running checkpoint
  Lsn previous_cut_ = 0;  // of the one before: bodies from there on can still be read
  std::deque<Lsn> cuts_;  // of older ones whose part of the journal is kept; ascending
  std::uint64_t checkpoint_size_bytes_ = 0;
  bool failed_ = false;

  std::shared_ptr<RunningCompaction> compaction_;
  std::atomic<std::uint64_t> served_ = 0;  // groups and reads that somebody waited for
  bool closing_ = false;
  TimestampMs now_ = 0;                  // as the loop told it last
  TimestampMs last_checkpoint_at_ = -1;  // or the first time that was told

  bool disk_is_short_ = false;
  bool disk_was_full_ = false;  // something found no room and waits
  Lsn disk_checked_at_ = 0;
};

}  // namespace tandem::storage
