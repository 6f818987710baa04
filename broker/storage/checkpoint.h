// One checkpoint: moves what is alive home, then commits one synced LMDB transaction that carries the journal
// position. Works in slices, so that the checkpoint's thread can do other things in between and the journal's
// syncs never wait for a large one.
//
//   survivors ──► backlog runs ──┐
//   topic tails ─► segments ─────┼─► all synced ─► LMDB commit ─► old extents are retired
//   state records, changes ──────┘
//
// Until the commit nothing that the last checkpoint refers to is touched: a crash finds the last one whole.
#pragma once

#include <memory>
#include <vector>

#include "broker/core/send.h"
#include "broker/storage/backlog.h"
#include "broker/storage/body_cache.h"
#include "broker/storage/checkpoint_changes.h"
#include "broker/storage/checkpoint_keys.h"
#include "broker/storage/lmdb.h"
#include "broker/storage/topic_store.h"

namespace tandem::storage {

/// What it works with; all of it outlives the checkpoint.
struct CheckpointParts {
  FileSystem& files;
  const JournalSegments& journal;
  BacklogFile& backlog;
  TopicStore& topics;  // only its directory
  Lmdb& lmdb;
};

/// What it is about; made by the loop at one moment.
struct CheckpointTask {
  CheckpointMark mark;
  core::CheckpointState state;
  CheckpointChanges changes;  // since the last one
  TopicHoming topics;
  std::vector<Extent> old_extents;  // runs that this checkpoint forgets
  RunId next_run{1};
  std::vector<ResidentPart> resident;  // of the journal below the mark, where that spares the disk
};

/// A run that it wrote.
struct HomedRun {
  core::RunHomed homed;  // count and size are of the durable messages; what the checkpoint keeps
  std::uint32_t count = 0;
  std::uint64_t size_bytes = 0;
  std::vector<std::pair<QueueSeq, BodyHandle>> moved;
  bool stored() const { return homed.count > 0; }
};

/// Thread rule: made by the loop, then the checkpoint's thread until it is done, then the loop again.
class Checkpoint {
 public:
  /// Bodies that one slice copies at most (and one message beyond it).
  static constexpr std::size_t slice_size_bytes = 8u << 20;

  Checkpoint(const CheckpointParts& parts, CheckpointTask task);
  ~Checkpoint();

  /// Does one slice; false when it was the last. The journal must be durable through the mark's position
  /// before. After an error nothing was committed. It is final, but for resource_alarm: then all of it may be done once more,
  /// with start_again().
  Result<bool> step();
  bool may_start_again(const Error& error) const {
    return error.code == ErrorCode::resource_alarm && phase_ < Phase::forget;
  }
  /// Lets go what was written so far; its disk space as BacklogFile::free_some() says.
  void start_again();

  // Once step() gave false:
  const CheckpointTask& task() const { return task_; }
  const std::vector<HomedRun>& runs() const { return runs_; }

 private:
  enum class Phase { runs, topics, commit, forget, done };
  struct Move;      // one survivor's way into its run
  struct TailPart;  // one partition's writer and joiner

  void plan_queues();
  Result<> home_runs_slice();
  Result<> write_extents(Bytes slice, std::span<const HomedRun> runs);
  Result<> copy_messages(std::vector<Move>& moves);
  std::span<std::byte> cleared_slice(std::size_t size_bytes);
  HomedRun place(const RunPlan& plan, std::span<std::byte> extent, std::vector<Move>& moves);
  void plan_topics();
  Result<> home_topics_slice();
  Result<> finish_topics();
  LmdbChanges gather_changes();

  const CheckpointParts parts_;
  CheckpointTask task_;
  JournalBodyReader bodies_;
  Phase phase_ = Phase::runs;

  static constexpr std::size_t small_run_size_bytes = 128u << 10;
  bool walks_repeatedly_ = false;
  std::vector<RunPlan> plans_;
  std::size_t next_plan_ = 0;
  std::vector<HomedRun> runs_;
  AlignedBytes slice_;

  /// An entry of a tail, at the place in the journal up to which its partition has been read before it: in
  /// this order the journal is read once from front to back, and each partition's entries keep theirs.
  struct TailStep {
    std::uint64_t read_at = 0;
    std::uint32_t part = 0;
    std::uint32_t entry = 0;
  };
  std::vector<TailStep> tail_steps_;
  std::size_t next_tail_step_ = 0;
  std::vector<std::unique_ptr<TailPart>> tail_parts_;
};

}  // namespace tandem::storage
