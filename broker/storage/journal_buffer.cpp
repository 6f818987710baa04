#include "broker/storage/journal_buffer.h"

namespace tandem::storage {

JournalBuffer::JournalBuffer(Lsn position, std::size_t capacity_bytes,
                             std::shared_ptr<JournalBufferPool> pool)
    : position_(position),
      capacity_bytes_(capacity_bytes),
      end_(position + capacity_bytes),
      memory_(pool->take(capacity_bytes)),
      pool_(std::move(pool)) {}

JournalBuffer::~JournalBuffer() {
  pool_->give_back(std::move(memory_), capacity_bytes_);
}

AlignedMemory JournalBufferPool::take(std::size_t size_bytes) {
  if (size_bytes == usual_size_bytes) {
    const std::lock_guard lock(mutex_);
    if (!spare_.empty()) {
      auto memory = std::move(spare_.back());
      spare_.pop_back();
      return memory;
    }
  }
  return make_aligned(size_bytes);
}

void JournalBufferPool::give_back(AlignedMemory memory, std::size_t size_bytes) {
  if (size_bytes != usual_size_bytes) return;
  const std::lock_guard lock(mutex_);
  if (spare_.size() < spare_max) spare_.push_back(std::move(memory));
}

}  // namespace tandem::storage
