#include "broker/storage/journal_buffer.h"

#include <utility>

namespace tandem::storage {

JournalBuffer::JournalBuffer(Lsn position, std::size_t capacity_bytes,
                             std::shared_ptr<JournalBufferPool> pool)
    : position_(position),
      capacity_bytes_(capacity_bytes),
      end_(position + capacity_bytes),
      memory_(pool->take(capacity_bytes)),
      pool_(std::move(pool)) {}

JournalBuffer::~JournalBuffer() {
  pool_->give_back(std::move(memory_));
}

AlignedBytes JournalBufferPool::take(std::size_t size_bytes) {
  AlignedBytes spare = take_spare(size_bytes);
  return spare.memory ? std::move(spare) : AlignedBytes{make_aligned(size_bytes), size_bytes};
}

AlignedBytes JournalBufferPool::take_spare(std::size_t size_bytes) {
  AlignedBytes let_go;  // outside the lock
  const std::lock_guard lock(mutex_);
  if (size_bytes > buffer_size_bytes_) {
    usual_since_large_ = 0;
    return large_.size_bytes >= size_bytes ? std::exchange(large_, {}) : AlignedBytes();
  }
  if (large_.memory && ++usual_since_large_ >= usual_between_large_max) let_go = std::exchange(large_, {});
  if (size_bytes != buffer_size_bytes_ || spare_.empty()) return {};
  AlignedBytes memory = std::move(spare_.back());
  spare_.pop_back();
  return memory;
}

bool JournalBufferPool::is_empty() {
  const std::lock_guard lock(mutex_);
  return spare_.empty();
}

void JournalBufferPool::make_ready() {
  if (!is_empty()) return;
  AlignedBytes fresh{make_aligned(buffer_size_bytes_), buffer_size_bytes_};
  for (std::size_t at = 0; at < fresh.size_bytes; at += direct_block_bytes) fresh.memory[at] = std::byte{0};
  give_back(std::move(fresh));
}

void JournalBufferPool::give_back(AlignedBytes memory) {
  const std::lock_guard lock(mutex_);
  if (memory.size_bytes > large_.size_bytes && memory.size_bytes > buffer_size_bytes_) std::swap(memory, large_);
  else if (memory.size_bytes == buffer_size_bytes_ && (spare_.size() + 1) * buffer_size_bytes_ <= spares_size_max_bytes) spare_.push_back(std::move(memory));
}

}  // namespace tandem::storage
