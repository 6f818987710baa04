// A stretch of the journal in RAM: filled by the loop, written by the journal thread, read by deliveries. The
// same bytes serve all three, so a message is copied once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "broker/storage/aligned_memory.h"
#include "broker/storage/segment.h"

namespace tandem::storage {

class JournalBufferPool;

/// Thread rule: the loop appends; the journal thread touches only frames that were handed to it; nobody
/// changes a body once it was handed over.
class JournalBuffer {
 public:
  JournalBuffer(Lsn position, std::size_t capacity_bytes, std::shared_ptr<JournalBufferPool> pool);
  ~JournalBuffer();
  JournalBuffer(const JournalBuffer&) = delete;
  JournalBuffer& operator=(const JournalBuffer&) = delete;

  Lsn position() const { return position_; }
  std::size_t capacity_bytes() const { return capacity_bytes_; }
  Lsn end() const { return end_; }
  bool holds(Lsn position, std::size_t size) const {
    return position >= position_ && position <= end_ && size <= end_ - position;
  }
  /// The journal goes on elsewhere from `end`: what lies behind it in the memory is not the journal's.
  void close_at(Lsn end) { end_ = end; }

  std::byte* at(Lsn position) { return memory_.get() + (position - position_); }
  const std::byte* at(Lsn position) const { return memory_.get() + (position - position_); }

 private:
  const Lsn position_;
  const std::size_t capacity_bytes_;
  Lsn end_;
  AlignedMemory memory_;  // frames begin at multiples of journal_block_bytes in it, as in the file
  std::shared_ptr<JournalBufferPool> pool_;
};

/// Memory of buffers of the usual size, kept for the next one: fresh pages cost more than the copy into them.
/// Thread rule: any thread.
class JournalBufferPool {
 public:
  static constexpr std::size_t usual_size_bytes = 1u << 20;
  static constexpr std::size_t spare_max = 8;

  AlignedMemory take(std::size_t size_bytes);
  void give_back(AlignedMemory memory, std::size_t size_bytes);

 private:
  std::mutex mutex_;
  std::vector<AlignedMemory> spare_;
};

}  // namespace tandem::storage
