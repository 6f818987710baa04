// Items in order of a key each has, which come and go anywhere. In a std::map each lies by itself, and 100,000 of them take
// milliseconds to be copied or forgotten (docs/decisions/0019). These lie in blocks, which can be lent to another thread without a copy, as those of a
// BlockRing can. Items that come in order fill their blocks. T must be default-constructible and trivially copyable.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "broker/base/partition_index.h"
#include "broker/base/shared_items.h"

namespace tandem {

/// KeyOf()(item) is the key of an item; no two items have the same.
template <class T, class KeyOf>
class OrderedBlocks {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  using Key = std::decay_t<std::invoke_result_t<KeyOf, const T&>>;
  static constexpr std::size_t block_items = 32, block_items_min = 4;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const T& front() const { return blocks_.begin()->second[0]; }

  void insert(const T& item) {
    const Key key = KeyOf()(item);
    ++size_;
    if (blocks_.empty()) return add_block(key, item);
    auto after = blocks_.upper_bound(key);
    if (after == blocks_.begin()) after = std::next(rename(after, key));
    auto at = std::prev(after);
    if (at->second.size() == block_items) {
      if (at->second.index_from(key) == block_items) return add_block(key, item);
      const auto upper = split(at);
      if (key > upper->first) at = upper;
    }
    at->second.insert(at->second.index_from(key), item);
  }
  /// Only while there is one; so is front().
  T pop_front() {
    const auto at = blocks_.begin();
    const T item = at->second[0];
    ++at->second.first;
    --size_;
    if (at->second.size() == 0) blocks_.erase(at);
    return item;
  }
  std::optional<T> take(const Key& key) {
    const auto after = blocks_.upper_bound(key);
    if (after == blocks_.begin()) return std::nullopt;
    const auto at = std::prev(after);
    const std::size_t index = at->second.index_from(key);
    if (index == at->second.size() || KeyOf()(at->second[index]) != key) return std::nullopt;
    const T item = at->second[index];
    at->second.erase(index);
    --size_;
    if (at->second.size() == 0)
      blocks_.erase(at);
    else if (!join(at, after) && at != blocks_.begin())
      join(std::prev(at), at);
    return item;
  }
  void clear() {
    blocks_.clear();
    size_ = 0;
  }

  /// Calls visit(item) for all, ascending.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [key, block] : blocks_)
      for (std::size_t i = 0; i < block.size(); ++i) visit(block[i]);
  }
  /// Calls visit(item) for those whose keys are not below `first`, ascending, until it says false. It may change them, not their keys;
  /// whoever was lent them keeps them as they were.
  template <class Visit>
  void change_from(const Key& first, Visit visit) {
    auto at = blocks_.upper_bound(first);
    if (at != blocks_.begin()) --at;
    for (; at != blocks_.end(); ++at) {
      Block& block = at->second;
      const std::size_t from = block.index_from(first);
      if (from < block.size()) block.own();
      for (std::size_t i = from; i < block.size(); ++i)
        if (!visit(block.items[block.first + i])) return;
    }
  }
  /// Appends all that it holds to `out`, in order.
  void lend(std::vector<LentItems<T>>& out) const {
    for (const auto& [key, block] : blocks_) out.emplace_back(block.items, block.first, block.end);
  }
  /// How many blocks there are: for tests.
  std::size_t block_count() const { return blocks_.size(); }

 private:
  /// Items first to before end of `capacity`. Written only while nobody else has them: see own().
  struct Block {
    SharedItems<T> items;
    std::uint8_t capacity = 0, first = 0, end = 0;

    std::size_t size() const { return static_cast<std::size_t>(end - first); }
    const T& operator[](std::size_t index) const { return items[first + index]; }
    /// Of the first item whose key is not below `key`.
    std::size_t index_from(const Key& key) const {
      return partition_index(*this, [&key](const T& item) { return KeyOf()(item) < key; });
    }
    void own() {
      if (items.is_shared()) move_to(capacity);
    }
    void move_to(std::size_t new_capacity) {
      SharedItems<T> copy(new_capacity);
      for (std::size_t i = 0; i < size(); ++i) copy[i] = (*this)[i];
      end = static_cast<std::uint8_t>(size());
      first = 0;
      capacity = static_cast<std::uint8_t>(new_capacity);
      items = std::move(copy);
    }
    /// It holds less than block_items.
    void insert(std::size_t index, const T& item) {
      if (items.is_shared() || end == capacity) move_to(size() == capacity ? 2 * capacity : capacity);
      for (std::size_t i = end; i > first + index; --i) items[i] = items[i - 1];
      items[first + index] = item;
      ++end;
    }
    void erase(std::size_t index) {
      if (index == 0) {
        ++first;
      } else if (index + 1 < size()) {
        own();
        for (std::size_t i = first + index; i + 1 < end; ++i) items[i] = items[i + 1];
        --end;
      } else {
        --end;
      }
    }
  };
  /// By a key that is above all items of the block before, and above none of its own.
  using Blocks = std::map<Key, Block>;

  void add_block(const Key& key, const T& item) {
    Block block{SharedItems<T>(block_items_min), block_items_min};
    block.insert(0, item);
    blocks_.emplace(key, std::move(block));
  }
  typename Blocks::iterator rename(typename Blocks::iterator at, const Key& key) {
    auto node = blocks_.extract(at);
    node.key() = key;
    return blocks_.insert(std::move(node)).position;
  }
  /// Gives the upper half.
  typename Blocks::iterator split(typename Blocks::iterator at) {
    Block& lower = at->second;
    Block upper{SharedItems<T>(block_items), block_items};
    const std::size_t half = lower.size() / 2;
    for (std::size_t i = half; i < lower.size(); ++i) upper.items[upper.end++] = lower[i];
    lower.end = static_cast<std::uint8_t>(lower.first + half);
    const Key key = KeyOf()(upper[0]);
    return blocks_.emplace_hint(std::next(at), key, std::move(upper));
  }
  /// Where both together fill half a block at the most.
  bool join(typename Blocks::iterator at, typename Blocks::iterator next) {
    if (next == blocks_.end() || at->second.size() + next->second.size() > block_items / 2) return false;
    Block& block = at->second;
    block.move_to(block_items);
    for (std::size_t i = 0; i < next->second.size(); ++i) block.items[block.end++] = next->second[i];
    blocks_.erase(next);
    return true;
  }

  Blocks blocks_;
  std::size_t size_ = 0;
};

}  // namespace tandem
