// Memory that a disk can write from and read into directly: aligned to its blocks. Not cleared.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <memory>
#include <new>

#include "schemas/message.h"

namespace tandem::storage {

/// What direct reads and writes are multiples of, in memory and in the file.
inline constexpr std::size_t direct_block_bytes = 4096;

/// From this size on, memory is asked for in huge pages (Linux, transparent_hugepage): a direct write hands the disk one
/// segment for each stretch of memory, and 8 MiB of 4 KiB pages took 4.4-5.1 ms where 8 MiB of huge ones took 2.8.
inline constexpr std::size_t huge_page_bytes = 2u << 20;

struct FreeAligned {
  std::align_val_t alignment{direct_block_bytes};
  void operator()(std::byte* memory) const { ::operator delete[](memory, alignment); }
};
using AlignedMemory = std::unique_ptr<std::byte[], FreeAligned>;

inline AlignedMemory make_aligned(std::size_t size_bytes) {
  const bool is_huge = size_bytes >= huge_page_bytes;
  const FreeAligned free{std::align_val_t{is_huge ? huge_page_bytes : direct_block_bytes}};
  AlignedMemory memory(static_cast<std::byte*>(::operator new[](size_bytes, free.alignment)), free);
  if (is_huge) madvise(memory.get(), size_bytes / huge_page_bytes * huge_page_bytes, MADV_HUGEPAGE);  // refused: slower, not wrong
  return memory;
}

/// Such memory with what is used of it.
struct AlignedBytes {
  AlignedMemory memory;
  std::size_t size_bytes = 0;
  Bytes bytes() const { return {memory.get(), size_bytes}; }
};

}  // namespace tandem::storage
