// A Ring in blocks, for what may become very long and short again: beyond its first block it grows and shrinks by a block, and never
// moves what it holds to do so. (A Ring of 100,000 items of 72 bytes takes 5 ms to grow once more.) Of one that holds little the
// first block is small. T must be default-constructible and movable.
// What it holds can be lent to another thread without a copy: the blocks, which are not written then.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include "broker/base/ring.h"
#include "broker/base/shared_items.h"

namespace tandem {

template <class T>
class BlockRing {
 public:
  /// Powers of two.
  static constexpr std::size_t block_items = 32, block_items_min = 4;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  /// Only of a ring that lends nothing; else change().
  T& operator[](std::size_t index) { return blocks_[(first_ + index) / block_items][(first_ + index) % block_items]; }
  const T& operator[](std::size_t index) const {
    return blocks_[(first_ + index) / block_items][(first_ + index) % block_items];
  }
  T& front() { return (*this)[0]; }
  const T& front() const { return (*this)[0]; }

  /// Appends what it holds from the index `from` on to `out`, in order.
  void lend(std::vector<LentItems<T>>& out, std::size_t from = 0) const {
    static_assert(std::is_trivially_copyable_v<T>);  // taking an item out is no change of it
    const std::size_t end = first_ + size_;
    for (std::size_t at = first_ + from; at < end; at = (at / block_items + 1) * block_items)
      out.emplace_back(blocks_[at / block_items], at % block_items, std::min(end - at / block_items * block_items, block_items));
  }
  /// To be written; whoever was lent it keeps it as it was.
  T& change(std::size_t index) {
    own(blocks_[(first_ + index) / block_items]);
    return (*this)[index];
  }

  void push_back(T value) {
    if (first_ + size_ == room()) grow();
    (*this)[size_++] = std::move(value);
  }
  T pop_front() {
    CHECK(size_ > 0);
    T value = std::move(front());
    --size_;
    if (++first_ == block_items) {
      first_ = 0;
      keep_spare(blocks_.pop_front());
    }
    give_back();
    return value;
  }
  T pop_back() {
    CHECK(size_ > 0);
    T value = std::move((*this)[--size_]);
    own(blocks_.back());  // the next one is written to that place
    trim_back();
    give_back();
    return value;
  }
  void clear() {
    blocks_.clear();
    spare_ = {};
    first_ = size_ = only_items_ = 0;
  }

  /// Keeps, in order, those for which `keep(item)` is true.
  template <class Keep>
  void keep_if(Keep keep) {
    for (std::size_t i = 0; i < blocks_.size(); ++i) own(blocks_[i]);
    size_ = move_to_front(*this, keep);
    trim_back();
    give_back();
  }

  /// Index of the first item for which `before(item)` is false; those before it come first in order.
  template <class Before>
  std::size_t partition_point(Before before) const {
    return partition_index(*this, before);
  }

 private:
  using Block = SharedItems<T>;

  Block new_block() { return spare_ ? std::exchange(spare_, {}) : Block(block_items); }
  /// A block that is lent is left to those that have it.
  void keep_spare(Block block) {
    if (!block.is_shared()) spare_ = std::move(block);
  }
  void own(Block& block) {
    if constexpr (std::is_trivially_copyable_v<T>) {
      if (!block.is_shared()) return;
      const std::size_t count = blocks_.size() > 1 ? block_items : only_items_;
      Block copy(count);
      for (std::size_t i = 0; i < count; ++i) copy[i] = block[i];
      block = std::move(copy);
    }
  }

  std::size_t room() const { return blocks_.size() > 1 ? blocks_.size() * block_items : only_items_; }

  void grow() {
    if (blocks_.size() == 1 && only_items_ < block_items) return make_room_in_only();
    const bool is_small = blocks_.empty() && !spare_;
    blocks_.push_back(is_small ? Block(block_items_min) : new_block());
    only_items_ = is_small ? block_items_min : block_items;
  }
  /// At its front, or in a larger one.
  void make_room_in_only() {
    const bool is_enough = size_ <= only_items_ / 2 && !blocks_.front().is_shared();
    Block larger = is_enough ? Block() : Block(2 * only_items_);
    const Block& to = is_enough ? blocks_.front() : larger;
    for (std::size_t i = 0; i < size_; ++i) to[i] = std::move((*this)[i]);
    if (larger) {
      blocks_.front() = std::move(larger);
      only_items_ *= 2;
    }
    first_ = 0;
  }

  void trim_back() {
    while (blocks_.size() > 1 && first_ + size_ <= (blocks_.size() - 1) * block_items) keep_spare(blocks_.pop_back());
  }
  /// One that is empty keeps one block at the most, and none that is lent.
  void give_back() {
    if (size_ > 0) return;
    first_ = 0;
    const bool is_lent = !blocks_.empty() && blocks_.front().is_shared();
    if (only_items_ < block_items && !is_lent) return;
    if (!spare_ && !blocks_.empty() && only_items_ == block_items) keep_spare(blocks_.pop_front());
    blocks_.clear();
    only_items_ = 0;
  }

  Ring<Block> blocks_;
  Block spare_;
  std::size_t only_items_ = 0;  // for how many the only block is; where there are more, each is for block_items
  std::size_t first_ = 0;  // place of the first item in the first block
  std::size_t size_ = 0;
};

}  // namespace tandem
