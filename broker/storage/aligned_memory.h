// Memory that a disk can write from and read into directly: aligned to its blocks. Not cleared.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

#include "schemas/message.h"

namespace tandem::storage {

/// What direct reads and writes are multiples of, in memory and in the file.
inline constexpr std::size_t direct_block_bytes = 4096;

struct FreeAligned {
  void operator()(std::byte* memory) const { ::operator delete[](memory, std::align_val_t{direct_block_bytes}); }
};
using AlignedMemory = std::unique_ptr<std::byte[], FreeAligned>;

inline AlignedMemory make_aligned(std::size_t size_bytes) {
  return AlignedMemory(static_cast<std::byte*>(::operator new[](size_bytes, std::align_val_t{direct_block_bytes})));
}

/// Such memory with what is used of it.
struct AlignedBytes {
  AlignedMemory memory;
  std::size_t size_bytes = 0;
  Bytes bytes() const { return {memory.get(), size_bytes}; }
};

}  // namespace tandem::storage
