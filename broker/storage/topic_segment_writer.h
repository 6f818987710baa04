// Appends batches to the segments of one partition, for checkpoint and compaction: decides where a new segment begins, and
// keeps facts and index. Thread rule: the checkpoint's thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "broker/storage/topic_file_writer.h"
#include "broker/storage/topic_segment.h"

namespace tandem::storage {

/// What is written into the facts of every segment that a writer begins.
struct TopicSegmentKind {
  std::uint64_t generation = 0;  // above 0: of a compaction, in a directory that exists
  bool compacted = false;
};

class TopicSegmentWriter {
 public:
  /// `active`: the partition's last segment, to be grown; none: the first append begins one.
  TopicSegmentWriter(FileSystem& files, std::string directory, TopicSegmentLimits limits,
                     std::optional<TopicSegmentFacts> active, TopicSegmentKind kind = {});

  /// `batch` has its base offset already. Begins a new segment when the last one is full or too old.
  Result<> append(Bytes batch, Offset base, Offset last, TimestampMs max_timestamp);
  /// From `horizon` on, compaction finds something to delete in the batch that was appended last.
  void note_delete_horizon(TimestampMs horizon);
  /// As TopicFileWriter's.
  Result<> pause() { return file_.pause(); }
  /// Everything appended is on disk, with the names of new files. Nothing may be appended afterwards.
  Result<> finish() { return file_.finish(); }

  /// Valid after finish().
  std::vector<TopicSegmentGrowth>& growths() { return growths_; }
  const std::vector<TopicSegmentGrowth>& growths() const { return growths_; }

 private:
  Result<> enter(TopicSegmentFacts facts);

  const TopicSegmentLimits limits_;
  const TopicSegmentKind kind_;
  std::optional<TopicSegmentFacts> active_;  // before the first append
  TopicFileWriter file_;
  std::vector<TopicSegmentGrowth> growths_;
};

}  // namespace tandem::storage
