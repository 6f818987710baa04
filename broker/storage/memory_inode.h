// A file's content in the in-memory file system: what reads see, and what a crash would leave.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>

#include "schemas/message.h"

namespace tandem::storage {

/// What a crash keeps of the writes that were not synced.
enum class CrashKeeps : std::uint8_t {
  any,          // of each sector, as chance has it
  nothing,
  everything,
  all_but_one,  // page
};

/// Not thread safe: the file system's lock covers it.
class MemoryInode {
 public:
  static constexpr std::size_t page_size_bytes = 4096;
  /// What a disk writes whole or not at all.
  static constexpr std::size_t sector_size_bytes = 512;

  std::uint64_t size() const { return size_; }
  void write(std::uint64_t position, Bytes bytes);
  std::size_t read(std::uint64_t position, std::span<std::byte> into) const;
  void resize(std::uint64_t size);
  void zero(std::uint64_t position, std::uint64_t size);

  void sync();
  /// A sync that failed, as the kernel has it: what was unsynced counts as written from now on, and no later sync brings
  /// it to the disk, unless it is written again. Reads still see it.
  void fail_sync();
  /// `lost`: for all_but_one, counts down the unsynced pages; the one at which it is 0 is lost.
  void crash(std::mt19937_64& random, CrashKeeps keeps, std::uint64_t& lost);
  std::uint64_t unsynced_pages() const;

 private:
  using Page = std::array<std::byte, page_size_bytes>;
  struct Slot {
    std::unique_ptr<Page> content;
    std::unique_ptr<Page> synced;  // before the first write since the last sync(); nullptr: not written since
    bool given_up = false;         // by a sync that failed
  };
  Page& page_to_change(std::uint64_t index);

  std::map<std::uint64_t, Slot> pages_;  // by index; what is missing is zeros
  std::uint64_t size_ = 0;
  std::uint64_t synced_size_ = 0;
};

}  // namespace tandem::storage
