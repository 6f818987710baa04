#include "schemas/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <cstddef>

namespace tandem {

std::uint32_t crc32c(Bytes bytes, std::uint32_t previous) {
  constexpr std::size_t step_bytes = 1u << 30;  // ISA-L takes an int
  std::uint32_t state = ~previous;
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), step_bytes);
    // ISA-L's parameter is not const, but it only reads.
    auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
    state = crc32_iscsi(data, static_cast<int>(size), state);
    bytes = bytes.subspan(size);
  }
  return ~state;
}

}  // namespace tandem
