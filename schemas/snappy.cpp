#include "schemas/snappy.h"

#include <snappy.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace tandem {
namespace {

/// Magic, then version and oldest compatible version, big endian.
constexpr std::array<std::uint8_t, 16> xerial_header{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
constexpr std::size_t xerial_magic_size_bytes = 8;
constexpr std::size_t xerial_block_size_bytes = 32u << 10;

const char* chars(Bytes bytes) {
  return reinterpret_cast<const char*>(bytes.data());
}

Error corrupt(const char* what) {
  return {ErrorCode::corrupt, std::string("snappy: ") + what};
}

/// One block, behind what `out` already holds.
Result<> read_block(Bytes block, std::vector<std::byte>& out, std::size_t size_max_bytes) {
  std::size_t plain_size = 0;
  if (!snappy::GetUncompressedLength(chars(block), block.size(), &plain_size)) return corrupt("no length");
  if (plain_size > size_max_bytes - std::min(out.size(), size_max_bytes))
    return Error{ErrorCode::too_large, "snappy: more than the limit comes out"};
  // A block says how large it is before anything proves it: 64 octets come out of three at most.
  if (plain_size / 64 > block.size()) return corrupt("malformed block");
  const std::size_t start = out.size();
  out.resize(start + plain_size);
  if (!snappy::RawUncompress(chars(block), block.size(), reinterpret_cast<char*>(out.data() + start)))
    return corrupt("malformed block");
  return Done{};
}

bool is_xerial(Bytes bytes) {
  return bytes.size() >= xerial_header.size() &&
         std::memcmp(bytes.data(), xerial_header.data(), xerial_magic_size_bytes) == 0;
}

std::size_t big_endian_u32(Bytes bytes) {
  std::size_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | std::to_integer<std::size_t>(bytes[i]);
  return value;
}

}  // namespace

std::vector<std::byte> compress_snappy(Bytes plain) {
  std::vector<std::byte> out(xerial_header.size());
  std::memcpy(out.data(), xerial_header.data(), xerial_header.size());
  for (std::size_t at = 0; at < plain.size(); at += xerial_block_size_bytes) {
    const Bytes block = plain.subspan(at, std::min(xerial_block_size_bytes, plain.size() - at));
    const std::size_t start = out.size();
    out.resize(start + 4 + snappy::MaxCompressedLength(block.size()));
    std::size_t size = 0;
    snappy::RawCompress(chars(block), block.size(), reinterpret_cast<char*>(out.data() + start + 4), &size);
    for (std::size_t i = 0; i < 4; ++i) out[start + i] = static_cast<std::byte>(size >> (24 - 8 * i));
    out.resize(start + 4 + size);
  }
  return out;
}

Result<std::vector<std::byte>> decompress_snappy(Bytes compressed, std::size_t size_max_bytes) {
  std::vector<std::byte> plain;
  if (!is_xerial(compressed)) {
    if (auto read = read_block(compressed, plain, size_max_bytes); !read) return read.error();
    return plain;
  }
  for (Bytes rest = compressed.subspan(xerial_header.size()); !rest.empty();) {
    if (rest.size() < 4) return corrupt("truncated block length");
    const std::size_t size = big_endian_u32(rest);
    if (size > rest.size() - 4) return corrupt("truncated block");
    if (auto read = read_block(rest.subspan(4, size), plain, size_max_bytes); !read) return read.error();
    rest = rest.subspan(4 + size);
  }
  return plain;
}

}  // namespace tandem
