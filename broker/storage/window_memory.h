// Memory that topic batches are read into.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace tandem::storage {

/// Memory of windows, kept for the next one: new pages cost as much as the copy into them. Any thread.
class WindowMemory {
 public:
  static std::shared_ptr<std::byte[]> take(std::size_t size_bytes) {
    const std::size_t size = (size_bytes + step_bytes - 1) / step_bytes * step_bytes;
    const auto pool = instance();
    std::byte* memory = pool->take_spare(size);
    if (memory == nullptr) memory = new std::byte[size];
    return {memory, [pool, size](std::byte* returned) { pool->give_back(returned, size); }};
  }
  ~WindowMemory() {
    for (const auto& [memory, size] : spare_) delete[] memory;
  }

 private:
  static constexpr std::size_t step_bytes = 256u << 10;
  static constexpr std::size_t spare_max = 4;
  static constexpr std::size_t spare_size_max_bytes = 2u << 20;  // of each

  static std::shared_ptr<WindowMemory> instance() {
    static const auto pool = std::make_shared<WindowMemory>();
    return pool;
  }
  std::byte* take_spare(std::size_t size) {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(spare_.begin(), spare_.end(), [size](const auto& spare) { return spare.second == size; });
    if (found == spare_.end()) return nullptr;
    std::byte* memory = found->first;
    spare_.erase(found);
    return memory;
  }
  void give_back(std::byte* memory, std::size_t size) {
    {
      const std::lock_guard lock(mutex_);
      if (size <= spare_size_max_bytes && spare_.size() < spare_max) {
        spare_.emplace_back(memory, size);
        return;
      }
    }
    delete[] memory;
  }

  std::mutex mutex_;
  std::vector<std::pair<std::byte*, std::size_t>> spare_;
};

}  // namespace tandem::storage
