// The journal thread's half: takes a commit group to disk. Knows nothing of turns but their numbers, and
// nothing of the loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "broker/base/ids.h"
#include "broker/storage/file.h"
#include "broker/storage/journal_buffer.h"
#include "broker/storage/journal_stretch.h"
#include "broker/storage/segment.h"
#include "broker/storage/topic_home.h"
#include "schemas/result.h"

namespace tandem::storage {

/// A sealed frame: header room and items are in the buffer at `position`, zero padded to a block.
struct GroupFrame {
  std::shared_ptr<JournalBuffer> buffer;
  SegmentId segment;
  Lsn position = 0;
  Lsn previous_end = 0;
  std::uint32_t payload_size_bytes = 0;
  TurnNumber first_turn = 0, last_turn = 0;
};

struct CommitGroup {
  std::vector<HomeWrite> homes;    // on disk before any frame is written
  std::vector<std::shared_ptr<const Segment>> stretches;  // these hold large bodies that are written; to be synced before any frame is
  std::vector<GroupFrame> frames;  // ascending
  bool sync = false;               // false: nothing in it has to survive a crash
  Lsn apart_through = 0;           // large batches that were staged below it are in `homes`, or in no use
};

struct GroupResult {
  Result<> result;
  bool may_retry = false;  // the disk is full, for it or one before it: nothing of the group is synced, and it may be written once more
  std::shared_ptr<CommitGroup> group;  // of may_retry
  std::vector<HomeWrite> homes;        // once they are on disk
  Lsn end = 0;
  Lsn apart_through = 0;
  TurnNumber last_turn = 0;  // 0: the group had no records
};

/// Thread rule: one thread at a time, and another one for write_piece().
class JournalWriter {
 public:
  JournalWriter(FileSystem& files, JournalSegments& segments, std::uint32_t epoch, Lsn durable_through)
      : files_(files),
        segments_(segments),
        epoch_(epoch),
        durable_through_(durable_through),
        written_through_(durable_through) {}

  /// First what goes home at once and what large bodies were written to, with a sync for each file. Then one pwritev per segment the group touches and one fdatasync
  /// at its end. A segment is synced before the next one begins. After an error that is not `may_retry` it refuses every further group;
  /// after `may_retry` every other one, until this one is written.
  GroupResult write(CommitGroup& group);
  /// The next piece of a large body; false when it was the last one. An error is as final as one of write().
  Result<bool> write_piece(JournalStretch& stretch);

  Lsn durable_through() const { return durable_through_; }

 private:
  Result<> write_homes(const CommitGroup& group);
  Result<> sync_stretches(const CommitGroup& group);
  Result<> write_frames(CommitGroup& group);
  Bytes finish(GroupFrame& frame) const;
  Result<> enter(const SegmentId& id);
  Result<> sync();

  FileSystem& files_;
  JournalSegments& segments_;
  const std::uint32_t epoch_;
  Lsn durable_through_;
  Lsn written_through_;
  std::shared_ptr<const Segment> segment_;
  bool dirty_ = false;
  std::atomic<bool> failed_ = false;
  const CommitGroup* stalled_ = nullptr;  // the group that may be retried
  std::vector<Bytes> pieces_;
};

}  // namespace tandem::storage
