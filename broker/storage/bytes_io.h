// Fixed numbers as the disk formats have them: little endian, at any address.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tandem::storage {

static_assert(std::endian::native == std::endian::little,
              "the disk formats are written as they lie in memory");

inline void put_u32(std::byte* out, std::uint32_t value) {
  std::memcpy(out, &value, sizeof value);
}
inline void put_u64(std::byte* out, std::uint64_t value) {
  std::memcpy(out, &value, sizeof value);
}
inline std::uint32_t get_u32(const std::byte* at) {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
inline std::uint64_t get_u64(const std::byte* at) {
  std::uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace tandem::storage
