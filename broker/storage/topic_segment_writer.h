// Appends batches to the segment files of one partition, for a checkpoint: whole blocks past the page cache, what is
// less than a block by way of it. Thread rule: the checkpoint's thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/storage/file.h"
#include "broker/storage/topic_segment.h"

namespace tandem::storage {

struct TopicSegmentLimits {
  std::uint64_t size_max_bytes = std::uint64_t{1} << 30;  // segment.bytes
  DurationMs age_max_ms = 604'800'000;  // segment.ms, between timestamps of batches; < 0 = any
};

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
  /// What was appended so far is written, and synced when it is much: a checkpoint of thousands of partitions that get a
  /// little each syncs each of them once, in finish(). No file is open and no memory is held until the next append.
  Result<> pause();
  /// Everything appended is on disk, with the names of new files. Nothing may be appended afterwards.
  Result<> finish();

  /// Valid after finish().
  std::vector<TopicSegmentGrowth>& growths() { return growths_; }
  const std::vector<TopicSegmentGrowth>& growths() const { return growths_; }

 private:
  static constexpr std::size_t slice_size_bytes = 1u << 20;
  static constexpr std::size_t direct_min_bytes = 64u << 10;
  static constexpr std::uint64_t sync_from_bytes = 1u << 20;

  bool must_roll(std::size_t batch_size_bytes, TimestampMs max_timestamp) const;
  Result<> roll(Offset base);
  Result<std::unique_ptr<File>> make_file(const std::string& path);
  Result<std::unique_ptr<File>> open_file(const std::string& path);
  std::size_t gather(Bytes batch);
  Result<> write_slice(bool all);
  Result<> write_part(std::size_t begin, std::size_t end, bool direct);
  Result<> open_active();
  Result<> sync();
  Result<> sync_names();
  void note(Bytes batch, Offset base, Offset last, TimestampMs max_timestamp);

  FileSystem& files_;
  const std::string directory_;
  const TopicSegmentLimits limits_;
  const TopicSegmentKind kind_;
  std::optional<TopicSegmentFacts> active_;
  std::unique_ptr<File> file_;
  AlignedBytes slice_;                  // of the active file, from the block on that written_bytes_ is in
  std::uint64_t written_bytes_ = 0;     // of the active file
  std::uint64_t unsynced_bytes_ = 0;    // of them
  std::uint64_t indexed_at_bytes_ = 0;  // position of the last index entry
  bool names_changed_ = false;
  bool directory_is_new_ = false;
  std::vector<TopicSegmentGrowth> growths_;
};

}  // namespace tandem::storage
