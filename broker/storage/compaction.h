// One compaction of one partition: of each key only the newest record stays, tombstones and transaction markers only for a
// while, and nothing of aborted transactions. Closed segments are read and new files written beside them, until the loop lets
// the new ones take the place of the old; a crash before that finds the old ones whole.
//
//   closed segments, compacted ones before those that are not     last segment, tail
//   ├──────── compacted ────────┼──────────── not yet ──────────┤  never touched
//                               1 newest offset of each key, as far as memory goes ──► `through`
//                                 once a transaction is met, before that and from the first on: which were
//                                 aborted, where the first undecided one begins
//   2 every segment up to `through` is written anew without what is not needed any more;
//     what lies behind `through` in the last of them is copied as it is
//
// Offsets never change. The last batch of what is compacted stays, if need be without records: a reader that may read up to
// there finds its way past the gap.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/storage/compaction_keys.h"
#include "broker/storage/compaction_transactions.h"
#include "broker/storage/file.h"
#include "broker/storage/topic_batch_walk.h"
#include "broker/storage/topic_segment.h"
#include "broker/storage/topic_segment_writer.h"
#include "schemas/batch_filter.h"

namespace tandem::storage {

/// What it is about; made by the loop at one moment.
struct CompactionTask {
  PartitionId partition;
  std::string directory;                                       // of the partition
  std::vector<std::shared_ptr<const TopicSegment>> segments;   // to be written anew: neighbours, none of them the last
  std::size_t first_dirty = 0;                                 // of them; size(): only what is due for deletion goes
  Offset compacted_end = 0;                                    // of the partition, before this
  std::uint64_t segment_size_max_bytes = 0;                    // segment.bytes
  DurationMs tombstone_age_max_ms = 0;                         // delete.retention.ms
  TimestampMs now = 0;
  std::uint64_t generation = 1;  // of the new files
  std::size_t keys_max = NewestOffsets::keys_max;
};

/// Thread rule: made by the loop, then one background thread until it is done, then the loop again.
class Compaction {
 public:
  /// Bytes that one slice reads at most (and one batch beyond it): what it writes is synced at its end, and a sync of the
  /// journal may wait behind that.
  static constexpr std::size_t slice_size_bytes = 1u << 20;

  Compaction(FileSystem& files, CompactionTask task);

  /// Does one slice; false when it was the last. After an error, or instead of another slice, discard() must be called.
  /// Errors: corrupt (with file and position), the file system's.
  Result<bool> step();
  /// Removes what it has written. What cannot be removed stays until a start finds it.
  void discard();

  // Once step() gave false:
  const CompactionTask& task() const { return task_; }
  /// So many of the task's segments, from its first on, are replaced by made(). 0: nothing could be done yet.
  std::size_t replaced() const { return replaced_; }
  const std::vector<std::shared_ptr<TopicSegment>>& made() const { return made_; }
  /// Everything before this offset is compacted.
  Offset through() const { return through_; }

 private:
  enum class Phase { transactions, keys, rewrite, done };  // transactions: only where there are some

  bool only_deletes() const { return task_.first_dirty == task_.segments.size(); }
  bool is_last_place(const BatchHeader& header) const;
  Result<bool> step_within(std::size_t& size_left);
  Result<bool> next_batch(BatchHeader& header, Bytes& batch);
  void expect_next_window();
  void begin_phase(Phase phase, std::size_t first_segment);
  Result<> end_phase();
  Result<> take_keys(const BatchHeader& header, Bytes batch);
  Result<> rewrite(const BatchHeader& header, Bytes batch);
  Result<> rewrite_records(const BatchHeader& header, Bytes batch, std::optional<TimestampMs> horizon);
  bool keeps(const RecordView& record, bool tombstones_are_due, bool& has_tombstone) const;
  Result<> drop(const BatchHeader& header, Bytes batch);
  Result<> append(const BatchHeader& header, Bytes batch, TimestampMs max_timestamp,
                  std::optional<TimestampMs> horizon);
  Result<> finish_writing();

  FileSystem& files_;
  CompactionTask task_;
  Phase phase_ = Phase::keys;
  bool knows_transactions_ = false;
  TransactionScan transactions_;
  std::optional<NewestOffsets> newest_;
  Offset through_ = 0;

  std::size_t next_segment_ = 0;
  std::unique_ptr<File> file_;
  std::optional<BatchWalk> walk_;
  std::uint64_t expected_from_ = 0;  // of the file

  TopicSegmentWriter compacted_, rest_;
  std::size_t replaced_ = 0;
  std::vector<std::shared_ptr<TopicSegment>> made_;
};

}  // namespace tandem::storage
