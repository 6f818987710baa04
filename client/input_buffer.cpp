#include "client/input_buffer.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace tandem::client {
namespace {

/// With less room than this a read would be a system call for little.
constexpr std::size_t read_size_min_bytes = 32u << 10;

}  // namespace

std::shared_ptr<InputBuffer::Block> InputBuffer::take_block(const std::shared_ptr<Pool>& pool,
                                                            std::size_t size_bytes) {
  std::unique_ptr<Block> block;
  {
    // The last that is large enough, but not a fetch's for a few deliveries, which would keep it.
    std::lock_guard lock(pool->mutex);
    const auto fits = [size_bytes](const auto& b) {
      return b->size_bytes >= size_bytes && b->size_bytes <= std::max(2 * size_bytes, block_size_bytes);
    };
    const auto found = std::find_if(pool->blocks.rbegin(), pool->blocks.rend(), fits);
    if (found != pool->blocks.rend()) {
      block = std::move(*found);
      pool->blocks.erase(std::next(found).base());
      pool->size_bytes -= block->size_bytes;
    }
  }
  if (!block) {
    const auto size = (size_bytes + block_size_bytes - 1) / block_size_bytes * block_size_bytes;
    block = std::make_unique<Block>(Block{std::make_unique_for_overwrite<std::byte[]>(size), size});
  }
  return {block.release(), [pool](Block* returned) { give_back(*pool, std::unique_ptr<Block>(returned)); }};
}

void InputBuffer::give_back(Pool& pool, std::unique_ptr<Block> block) {
  std::lock_guard lock(pool.mutex);
  if (pool.blocks.size() >= Pool::blocks_max || pool.size_bytes + block->size_bytes > Pool::size_max_bytes) return;
  pool.size_bytes += block->size_bytes;
  pool.blocks.push_back(std::move(block));
}

std::span<std::byte> InputBuffer::space(std::size_t wanted_bytes) {
  const std::size_t unread_size = end_ - begin_;
  const std::size_t needed = std::max(wanted_bytes, unread_size + read_size_min_bytes);
  if (!block_ || block_->size_bytes - begin_ < needed) {
    const auto old = std::move(block_);
    block_ = take_block(pool_, needed);
    if (unread_size != 0) std::memcpy(block_->bytes.get(), old->bytes.get() + begin_, unread_size);
    begin_ = 0;
    end_ = unread_size;
  }
  return {block_->bytes.get() + end_, block_->size_bytes - end_};
}

}  // namespace tandem::client
