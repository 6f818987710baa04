// The bytes that a socket gave, in blocks which deliveries look into and thereby keep alive. A block that
// nobody looks into any more is used again.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "client/frames.h"

namespace tandem::client {

class InputBuffer {
 public:
  static constexpr std::size_t block_size_bytes = 256u << 10;

  InputBuffer() : pool_(std::make_shared<Pool>()) {}

  /// Room to read into, enough for the unread bytes to grow to `wanted_bytes`. Moves the unread bytes.
  std::span<std::byte> space(std::size_t wanted_bytes);
  void filled(std::size_t size_bytes) { end_ += size_bytes; }

  Bytes unread() const { return block_ ? Bytes(block_->bytes.get() + begin_, end_ - begin_) : Bytes(); }
  void consumed(std::size_t size_bytes) { begin_ += size_bytes; }
  /// Keeps the block of unread() alive.
  Owner owner() const { return block_; }

 private:
  struct Block {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size_bytes = 0;
  };
  /// Large ones (of fetches) too: the pages of a new block cost as much as what is read into them.
  struct Pool {
    static constexpr std::size_t blocks_max = 8;
    static constexpr std::size_t size_max_bytes = 8u << 20;
    std::mutex mutex;  // blocks come back from the threads that settle deliveries
    std::vector<std::unique_ptr<Block>> blocks;
    std::size_t size_bytes = 0;
  };
  static std::shared_ptr<Block> take_block(const std::shared_ptr<Pool>& pool, std::size_t size_bytes);
  static void give_back(Pool& pool, std::unique_ptr<Block> block);

  std::shared_ptr<Pool> pool_;
  std::shared_ptr<Block> block_;
  std::size_t begin_ = 0, end_ = 0;  // of the unread bytes in block_
};

}  // namespace tandem::client
