// Large batches go home at once: the journal's thread writes them to their segment, and syncs it, before the frames of their
// commit group, whose records say only where they are. So they are written once, not twice, and a frame never says what is
// not on the disk (docs/decisions/0015).
//
// What lies in the partition's tail before such a batch goes home with it: segments hold batches in the order of their
// offsets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/storage/file.h"
#include "broker/storage/store.h"
#include "broker/storage/topic_segment.h"
#include "broker/storage/topic_store_tail.h"
#include "schemas/result.h"

namespace tandem::storage {

/// Batches that are written behind each other into one segment, by one commit group.
struct HomeWrite {
  PartitionId partition;
  std::string directory;  // of the partition
  bool directory_is_new = false;
  std::uint64_t position = 0;  // of the first, in the file; 0: the segment is new
  std::vector<StoredBytes> batches;
  TopicTail entries;  // the same, as the partition's readers know them
  TopicSegmentGrowth growth;

  std::uint64_t size_bytes() const { return growth.facts.size_bytes - position; }
  std::string file_name() const { return segment_file_name(growth.facts.base, growth.facts.generation); }
  /// `next` follows on this in the same segment.
  bool is_continued_by(const HomeWrite& next) const;
  void take(HomeWrite next);
};

/// How a partition grows when `entries` are written behind each other and the last of them begins at `position` of its
/// segment: in a new segment where that leaves no room for more before the first, else at the end of `newest` (nullptr: there
/// is none). Errors: corrupt, when they do not fit there.
Result<TopicSegmentGrowth> growth_at(const TopicSegmentFacts* newest, const TopicTail& entries, std::uint64_t position);

/// Writes and syncs it; may be done again after an error that is not of a sync (`sync_failed`). Thread rule: any one thread.
Result<> write_home(FileSystem& files, const HomeWrite& home, bool& sync_failed);

}  // namespace tandem::storage
