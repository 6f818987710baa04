// Walks over the batches of a stretch of a segment file, reading window by window: for readers, searches and
// compaction.
#pragma once

#include <memory>
#include <string>

#include "broker/storage/file.h"
#include "schemas/batch.h"

namespace tandem::storage {

/// Where in a segment to read. Positions are bytes in the file.
struct TopicStretch {
  std::string path;
  std::uint64_t position = 0;      // of a batch, at or before the first wanted one
  std::uint64_t end_position = 0;  // behind the last batch
};

enum class ReadFrom { memory, disk };

/// Thread rule: one thread. The file must outlive it.
class BatchWalk {
 public:
  /// Memory that is not filled with zeros first: it is read into at once.
  struct Window {
    std::shared_ptr<std::byte[]> memory;
    std::size_t size = 0;
    Bytes bytes() const { return {memory.get(), size}; }
  };

  BatchWalk(File& file, const TopicStretch& stretch, ReadFrom from)
      : file_(file), next_(stretch.position), end_(stretch.end_position), from_(from) {}

  bool at_end() const { return next_ >= end_; }
  std::uint64_t position() const { return next_; }
  const Window& window() const { return window_; }
  std::uint64_t window_position() const { return window_position_; }

  /// The header of the next batch, which must lie behind the last one; reads at least `window_size` bytes when it has to read. false: would have
  /// to wait.
  Result<bool> peek(BatchHeader& header, std::size_t window_size);
  /// The whole next batch; the view lives until the next call. Its checksum is not checked.
  Result<bool> take(const BatchHeader& header, Bytes& batch);
  void skip(const BatchHeader& header) {
    next_ += header.size_bytes;
    last_offset_ = header.last_offset();
  }
  /// Whether so much of the next batch is in the window.
  bool holds(std::size_t size) const { return rest().size() >= size; }

  /// An error about the next batch: the file's path, the position, and what is wrong.
  Error damaged(const std::string& what) const;

 private:
  Bytes rest() const {
    if (next_ < window_position_ || next_ - window_position_ >= window_.size) return {};
    return window_.bytes().subspan(next_ - window_position_);
  }

  Result<bool> ensure(std::size_t size, std::size_t window_size);

  File& file_;
  std::uint64_t next_;
  const std::uint64_t end_;
  const ReadFrom from_;
  std::int64_t last_offset_ = -1;  // of the batch before the next one
  Window window_;
  std::uint64_t window_position_ = 0;
};

}  // namespace tandem::storage
