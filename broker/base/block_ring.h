// A Ring in blocks, for what may become very long and short again: it grows and shrinks by a block, and never moves what it holds
// to do so. (A Ring of 100,000 items of 72 bytes takes 5 ms to grow once more.) T must be default-constructible and movable.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "broker/base/ring.h"

namespace tandem {

template <class T>
class BlockRing {
 public:
  /// A power of two. Whoever holds one item has a whole block for it.
  static constexpr std::size_t block_items = 32;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  T& operator[](std::size_t index) { return blocks_[(first_ + index) / block_items][(first_ + index) % block_items]; }
  const T& operator[](std::size_t index) const {
    return blocks_[(first_ + index) / block_items][(first_ + index) % block_items];
  }
  T& front() { return (*this)[0]; }
  const T& front() const { return (*this)[0]; }

  void push_back(T value) {
    if (first_ + size_ == blocks_.size() * block_items) blocks_.push_back(new_block());
    (*this)[size_++] = std::move(value);
  }
  void pop_front() {
    CHECK(size_ > 0);
    --size_;
    if (++first_ == block_items) {
      first_ = 0;
      spare_ = blocks_.pop_front();
    }
    give_back();
  }

  /// Keeps, in order, those for which `keep(item)` is true.
  template <class Keep>
  void keep_if(Keep keep) {
    size_ = move_to_front(*this, keep);
    while (blocks_.size() > (first_ + size_) / block_items + 1) blocks_.pop_back();
    give_back();
  }

  /// Index of the first item for which `before(item)` is false; those before it come first in order.
  template <class Before>
  std::size_t partition_point(Before before) const {
    return partition_index(*this, before);
  }

 private:
  using Block = std::unique_ptr<T[]>;

  Block new_block() { return spare_ ? std::move(spare_) : std::make_unique<T[]>(block_items); }

  /// One that is empty keeps one block at the most.
  void give_back() {
    if (size_ > 0) return;
    first_ = 0;
    if (!spare_ && !blocks_.empty()) spare_ = blocks_.pop_front();
    blocks_.clear();
  }

  Ring<Block> blocks_;
  Block spare_;
  std::size_t first_ = 0;  // place of the first item in the first block
  std::size_t size_ = 0;
};

}  // namespace tandem
