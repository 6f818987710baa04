#include "broker/storage/file.h"

#include <algorithm>
#include <cstring>

namespace tandem::storage {

Result<> File::prewrite(std::uint64_t position, std::uint64_t size) {
  constexpr std::uint64_t step_bytes = 1u << 20;
  const std::size_t zeros_size = std::min(size, step_bytes);
  const AlignedMemory zeros = make_aligned(zeros_size);
  std::memset(zeros.get(), 0, zeros_size);
  const std::uint64_t end = position + size;
  while (position < end) {
    const Bytes step(zeros.get(), std::min(end - position, step_bytes));
    if (auto written = write_direct(position, std::span(&step, 1)); !written) return written;
    position += step.size();
  }
  return sync();
}

}  // namespace tandem::storage
