// A part of the journal in RAM: filled by the loop, written by the journal thread, read by deliveries. The
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

  std::byte* at(Lsn position) { return memory_.memory.get() + (position - position_); }
  const std::byte* at(Lsn position) const { return memory_.memory.get() + (position - position_); }

 private:
  const Lsn position_;
  const std::size_t capacity_bytes_;
  Lsn end_;
  AlignedBytes memory_;  // at least the capacity; frames begin at multiples of journal_block_bytes in it, as in the file
  std::shared_ptr<JournalBufferPool> pool_;
};

/// Memory of buffers, kept for the next one: fresh pages cost more than the copy into them (2 MiB took the loop 4.6 to 5.1 ms on a
/// virtual machine). Of larger than usual ones, which hold one large frame each, the last is kept, for as long as such frames come. Thread rule: any thread.
class JournalBufferPool {
 public:
  static constexpr std::size_t usual_size_bytes = huge_page_bytes;
  static constexpr std::size_t spares_size_max_bytes = 8u << 20;
  /// So many buffers of the usual size in a row let go of the large one.
  static constexpr int usual_between_large_max = 64;

  explicit JournalBufferPool(std::size_t buffer_size_bytes = usual_size_bytes) : buffer_size_bytes_(buffer_size_bytes) {}

  /// The usual size of this pool's buffers.
  std::size_t buffer_size_bytes() const { return buffer_size_bytes_; }
  /// At least `size_bytes`; what the memory holds is undefined.
  AlignedBytes take(std::size_t size_bytes);
  void give_back(AlignedBytes memory);

  /// The next buffer of the usual size would be fresh memory.
  bool is_empty();
  /// Has one ready, whose pages were touched: by a thread that nobody waits for.
  void make_ready();

 private:
  AlignedBytes take_spare(std::size_t size_bytes);

  const std::size_t buffer_size_bytes_;
  std::mutex mutex_;
  std::vector<AlignedBytes> spare_;
  AlignedBytes large_;
  int usual_since_large_ = 0;
};

}  // namespace tandem::storage
