#include "broker/storage/file.h"

#include <algorithm>

namespace tandem::storage {

Result<> File::prewrite(std::uint64_t position, std::uint64_t size) {
  constexpr std::uint64_t step_bytes = 1u << 20;
  const std::vector<std::byte> zeros(std::min(size, step_bytes));
  const std::uint64_t end = position + size;
  while (position < end) {
    const Bytes step(zeros.data(), std::min(end - position, step_bytes));
    if (auto written = write(position, step); !written) return written;
    position += step.size();
  }
  return sync();
}

}  // namespace tandem::storage
