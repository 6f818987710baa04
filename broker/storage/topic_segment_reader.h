// Reads batches of one segment file. Runs on the loop's thread when all is in the system's page cache, else
// on the reader's thread: it has no state but the file.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "broker/storage/file.h"
#include "broker/storage/store.h"
#include "broker/storage/topic_batch_walk.h"
#include "broker/storage/topic_segment.h"

namespace tandem::storage {

/// Open segment files, the most recently used ones: an open costs more than a small read. Thread rule: any
/// thread.
class TopicFiles {
 public:
  static constexpr std::size_t open_files_max = 256;
  explicit TopicFiles(FileSystem& files) : files_(files) {}
  Result<std::shared_ptr<File>> open(const std::string& path);
  /// The file is about to be removed, or all files below the directory.
  void forget(const std::string& path);
  void forget_below(const std::string& directory);

 private:
  using Entry = std::pair<std::string, std::shared_ptr<File>>;
  FileSystem& files_;
  std::mutex mutex_;
  std::list<Entry> recent_;  // newest first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_path_;
};

/// Whole batches from the one that holds `offset` on, below `visible_end`, size_max_bytes at most but one at
/// least; empty when there is none. nullopt: not all of it is in memory (only ReadFrom::memory). Each batch's
/// checksum is checked. Errors: corrupt, with path and position; the file system's.
Result<std::optional<StoredBytes>> read_batches(File& file, const TopicStretch& stretch, Offset offset,
                                                Offset visible_end, std::uint32_t size_max_bytes,
                                                ReadFrom from);

/// The first record with timestamp ≥ `at` and start ≤ offset < end; offset -1 when there is none.
Result<Store::TimestampFound> find_timestamp_in(File& file, const TopicStretch& stretch, TimestampMs at,
                                                Offset start, Offset end);
/// The same in one batch. A batch whose records cannot be read (an unknown codec) is found as a whole.
Store::TimestampFound find_timestamp_in_batch(Bytes batch, TimestampMs at, Offset start, Offset end);

}  // namespace tandem::storage
