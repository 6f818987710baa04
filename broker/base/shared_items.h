// An array with a count of its holders, which may be on different threads. Its items are nobody's to write while another one
// may read them: is_shared() says so, and what another thread read before it let go happened before it says no.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace tandem {

/// T must be default-constructible.
template <class T>
class SharedItems {
 public:
  SharedItems() = default;
  explicit SharedItems(std::size_t count) {
    std::byte* const memory = static_cast<std::byte*>(::operator new(items_at + count * sizeof(T)));
    head_ = new (memory) Head{{1}, static_cast<std::uint32_t>(count)};
    std::uninitialized_value_construct_n(data(), count);
  }
  SharedItems(const SharedItems& other) noexcept : head_(other.head_) {
    if (head_) head_->holders.fetch_add(1, std::memory_order_relaxed);
  }
  SharedItems(SharedItems&& other) noexcept : head_(std::exchange(other.head_, nullptr)) {}
  SharedItems& operator=(SharedItems other) noexcept {
    std::swap(head_, other.head_);
    return *this;
  }
  ~SharedItems() {
    if (!head_ || head_->holders.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    std::destroy_n(data(), head_->count);
    ::operator delete(head_);
  }

  explicit operator bool() const { return head_ != nullptr; }
  bool is_shared() const { return head_ && head_->holders.load(std::memory_order_acquire) > 1; }
  T& operator[](std::size_t index) const { return data()[index]; }

 private:
  struct Head {
    std::atomic<std::uint32_t> holders;
    std::uint32_t count;
  };
  static constexpr std::size_t items_at = (sizeof(Head) + alignof(T) - 1) / alignof(T) * alignof(T);
  static_assert(alignof(T) <= alignof(std::max_align_t));

  T* data() const { return std::launder(reinterpret_cast<T*>(reinterpret_cast<std::byte*>(head_) + items_at)); }

  Head* head_ = nullptr;
};

/// Some of them that lie side by side, as they were when they were lent, for as long as this is kept: whoever has the others
/// may write those, not these.
template <class T>
class LentItems {
 public:
  LentItems(SharedItems<T> items, std::size_t first, std::size_t end)
      : items_(std::move(items)), first_(static_cast<std::uint32_t>(first)), end_(static_cast<std::uint32_t>(end)) {}
  std::size_t size() const { return end_ - first_; }
  const T& operator[](std::size_t index) const { return items_[first_ + index]; }

 private:
  SharedItems<T> items_;
  std::uint32_t first_, end_;
};

}  // namespace tandem
