// A growing ring buffer: push at the back, pop at the front, look at any place. Unlike std::deque it
// allocates nothing in steady state, and gives memory back once it is nearly empty. T must be
// default-constructible and movable.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "broker/base/check.h"
#include "broker/base/partition_index.h"

namespace tandem {

/// Moves the items for which `keep(item)` is true to the front, in order, and gives their number.
template <class Items, class Keep>
std::size_t move_to_front(Items& items, Keep keep) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!keep(items[i])) continue;
    if (kept != i) items[kept] = std::move(items[i]);
    ++kept;
  }
  return kept;
}

template <class T>
class Ring {
 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  T& operator[](std::size_t index) { return slots_[slot_of(index)]; }
  const T& operator[](std::size_t index) const { return slots_[slot_of(index)]; }
  T& front() { return (*this)[0]; }
  const T& front() const { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }
  const T& back() const { return (*this)[size_ - 1]; }

  void push_back(T value) {
    if (size_ == capacity_) grow();
    slots_[slot_of(size_)] = std::move(value);
    ++size_;
  }
  void push_front(T value) {
    if (size_ == capacity_) grow();
    first_ = first_ == 0 ? capacity_ - 1 : first_ - 1;
    slots_[first_] = std::move(value);
    ++size_;
  }
  T pop_front() {
    CHECK(size_ > 0);
    T value = std::move(slots_[first_]);
    if (++first_ == capacity_) first_ = 0;
    --size_;
    if (capacity_ > slots_kept_max && size_ < capacity_ / 8) resize(capacity_ / 2);
    return value;
  }
  T pop_back() {
    CHECK(size_ > 0);
    --size_;
    return std::move(slots_[slot_of(size_)]);
  }
  /// Takes one out; the shorter side closes the gap.
  void erase(std::size_t index) {
    CHECK(index < size_);
    if (index < size_ / 2) {
      for (std::size_t i = index; i > 0; --i) (*this)[i] = std::move((*this)[i - 1]);
      pop_front();
    } else {
      for (std::size_t i = index; i + 1 < size_; ++i) (*this)[i] = std::move((*this)[i + 1]);
      pop_back();
    }
  }
  /// Gives back memory that was needed once: when three quarters or more of it are free.
  void shrink() {
    if (size_ <= capacity_ / 4 && capacity_ > slots_min) resize(std::max(slots_min, size_ + size_ / 2));
  }
  void clear() {
    slots_.clear();
    slots_.shrink_to_fit();
    first_ = size_ = capacity_ = 0;
  }

  /// Keeps, in order, those for which `keep(item)` is true.
  template <class Keep>
  void keep_if(Keep keep) {
    size_ = move_to_front(*this, keep);
  }

  /// Index of the first item for which `before(item)` is false; those before it come first in order.
  template <class Before>
  std::size_t partition_point(Before before) const {
    return partition_index(*this, before);
  }

 private:
  static constexpr std::size_t slots_min = 4;
  static constexpr std::size_t slots_kept_max = 1024;

  std::size_t slot_of(std::size_t index) const {
    const std::size_t slot = first_ + index;
    return slot < capacity_ ? slot : slot - capacity_;
  }

  /// By half, not to twice its size: a queue has several rings, and what 10,000 queues do not use of theirs adds up.
  void grow() { resize(std::max(slots_min, capacity_ + capacity_ / 2)); }

  void resize(std::size_t slots) {
    std::vector<T> bigger(slots);
    for (std::size_t i = 0; i < size_; ++i) bigger[i] = std::move((*this)[i]);
    slots_ = std::move(bigger);
    capacity_ = slots;
    first_ = 0;
  }

  std::vector<T> slots_;
  std::size_t capacity_ = 0;  // its size, which is a division where T's is no power of two
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace tandem
