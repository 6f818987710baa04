#include "broker/storage/memory_inode.h"

#include <algorithm>
#include <cstring>

namespace tandem::storage {
namespace {

bool coin(std::mt19937_64& random) {
  return (random() & 1) != 0;
}

}  // namespace

MemoryInode::Page& MemoryInode::page_to_change(std::uint64_t index) {
  Slot& slot = pages_[index];
  if (!slot.content) slot.content = std::make_unique<Page>();
  if (!slot.synced) slot.synced = std::make_unique<Page>(*slot.content);
  slot.given_up = false;
  return *slot.content;
}

void MemoryInode::write(std::uint64_t position, Bytes bytes) {
  size_ = std::max(size_, position + bytes.size());
  while (!bytes.empty()) {
    const std::size_t offset = position % page_size_bytes;
    const std::size_t size = std::min(bytes.size(), page_size_bytes - offset);
    std::memcpy(page_to_change(position / page_size_bytes).data() + offset, bytes.data(), size);
    position += size;
    bytes = bytes.subspan(size);
  }
}

std::size_t MemoryInode::read(std::uint64_t position, std::span<std::byte> into) const {
  if (position >= size_) return 0;
  const std::size_t total = std::min<std::uint64_t>(into.size(), size_ - position);
  for (std::size_t done = 0; done < total;) {
    const std::size_t offset = (position + done) % page_size_bytes;
    const std::size_t size = std::min(total - done, page_size_bytes - offset);
    const auto slot = pages_.find((position + done) / page_size_bytes);
    if (slot == pages_.end())
      std::memset(into.data() + done, 0, size);
    else
      std::memcpy(into.data() + done, slot->second.content->data() + offset, size);
    done += size;
  }
  return total;
}

void MemoryInode::resize(std::uint64_t size) {
  if (size < size_) zero(size, size_ - size);
  size_ = size;
}

void MemoryInode::zero(std::uint64_t position, std::uint64_t size) {
  const std::uint64_t end = position + size;
  for (auto slot = pages_.lower_bound(position / page_size_bytes);
       slot != pages_.end() && slot->first * page_size_bytes < end; ++slot) {
    const std::uint64_t start = slot->first * page_size_bytes;
    const std::size_t from = position > start ? static_cast<std::size_t>(position - start) : 0;
    const std::size_t to = static_cast<std::size_t>(std::min<std::uint64_t>(end - start, page_size_bytes));
    std::memset(page_to_change(slot->first).data() + from, 0, to - from);
  }
}

void MemoryInode::sync() {
  for (auto& [index, slot] : pages_)
    if (!slot.given_up) slot.synced.reset();
  synced_size_ = size_;
}

void MemoryInode::fail_sync() {
  for (auto& [index, slot] : pages_) slot.given_up = slot.synced != nullptr;
}

std::uint64_t MemoryInode::unsynced_pages() const {
  return static_cast<std::uint64_t>(
      std::count_if(pages_.begin(), pages_.end(), [](const auto& page) { return page.second.synced != nullptr; }));
}

void MemoryInode::crash(std::mt19937_64& random, CrashKeeps keeps, std::uint64_t& lost) {
  bool lost_one = false;
  for (auto& [index, slot] : pages_) {
    if (!slot.synced) continue;
    const bool is_the_one = keeps == CrashKeeps::all_but_one && lost-- == 0;
    lost_one |= is_the_one;
    for (std::size_t sector = 0; sector < page_size_bytes; sector += sector_size_bytes)
      if (keeps == CrashKeeps::nothing || is_the_one || (keeps == CrashKeeps::any && coin(random)))
        std::memcpy(slot.content->data() + sector, slot.synced->data() + sector, sector_size_bytes);
    slot.synced.reset();
    slot.given_up = false;
  }
  const bool loses_size = keeps == CrashKeeps::nothing || (keeps == CrashKeeps::any && coin(random)) ||
                          (lost_one && coin(random));
  if (size_ != synced_size_ && loses_size) {
    const std::uint64_t synced_size = synced_size_;
    resize(synced_size);
  }
  sync();
}

}  // namespace tandem::storage
