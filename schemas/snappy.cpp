#include "schemas/snappy.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace tandem {
namespace {

constexpr std::array<std::uint8_t, 8> xerial_magic{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
constexpr std::size_t xerial_header_size_bytes = 16;  // magic, version i32, compatible version i32

Error corrupt(const char* what) {
  return {ErrorCode::corrupt, std::string("snappy: ") + what};
}

/// Reads one block, element by element, behind what `out` already holds.
class BlockReader {
 public:
  BlockReader(Bytes block, std::vector<std::byte>& out, std::size_t size_max_bytes)
      : in_(block), out_(out), start_(out.size()), size_max_bytes_(size_max_bytes) {}

  Result<> read() {
    std::size_t plain_size = 0;
    if (!take_varint(plain_size)) return corrupt("no length");
    if (plain_size > size_max_bytes_ - std::min(start_, size_max_bytes_))
      return Error{ErrorCode::too_large, "snappy: more than the limit comes out"};
    out_.reserve(start_ + plain_size);
    end_ = start_ + plain_size;
    while (!in_.empty())
      if (!element()) return corrupt("malformed block");
    if (out_.size() != end_) return corrupt("block is shorter than it says");
    return Done{};
  }

 private:
  bool take(std::size_t size, std::size_t& little_endian) {
    if (in_.size() < size) return false;
    little_endian = 0;
    for (std::size_t i = 0; i < size; ++i) little_endian |= std::to_integer<std::size_t>(in_[i]) << (8 * i);
    in_ = in_.subspan(size);
    return true;
  }

  bool take_varint(std::size_t& value) {
    value = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      std::size_t octet = 0;
      if (!take(1, octet)) return false;
      value |= (octet & 0x7f) << shift;
      if (octet < 0x80) return value <= 0xffffffffu;
    }
    return false;
  }

  bool element() {
    std::size_t tag = 0, offset = 0;
    if (!take(1, tag)) return false;
    switch (tag & 3) {
      case 0:
        return literal(tag >> 2);
      case 1:
        return take(1, offset) && copy((tag >> 5) << 8 | offset, 4 + ((tag >> 2) & 7));
      case 2:
        return take(2, offset) && copy(offset, 1 + (tag >> 2));
      default:
        return take(4, offset) && copy(offset, 1 + (tag >> 2));
    }
  }

  bool literal(std::size_t length_code) {
    std::size_t length = length_code;
    if (length_code >= 60 && !take(length_code - 59, length)) return false;
    length += 1;
    if (length > in_.size() || length > end_ - out_.size()) return false;
    out_.insert(out_.end(), in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(length));
    in_ = in_.subspan(length);
    return true;
  }

  /// Byte by byte: source and destination may overlap, that is how a run is encoded.
  bool copy(std::size_t offset, std::size_t length) {
    if (offset == 0 || offset > out_.size() - start_ || length > end_ - out_.size()) return false;
    for (std::size_t i = 0; i < length; ++i) out_.push_back(out_[out_.size() - offset]);
    return true;
  }

  Bytes in_;
  std::vector<std::byte>& out_;
  std::size_t start_;
  std::size_t end_ = 0;
  std::size_t size_max_bytes_;
};

bool is_xerial(Bytes bytes) {
  return bytes.size() >= xerial_header_size_bytes &&
         std::memcmp(bytes.data(), xerial_magic.data(), xerial_magic.size()) == 0;
}

std::size_t big_endian_u32(Bytes bytes) {
  std::size_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | std::to_integer<std::size_t>(bytes[i]);
  return value;
}

}  // namespace

Result<std::vector<std::byte>> decompress_snappy(Bytes compressed, std::size_t size_max_bytes) {
  std::vector<std::byte> plain;
  if (!is_xerial(compressed)) {
    if (auto read = BlockReader(compressed, plain, size_max_bytes).read(); !read) return read.error();
    return plain;
  }
  for (Bytes rest = compressed.subspan(xerial_header_size_bytes); !rest.empty();) {
    if (rest.size() < 4) return corrupt("truncated block length");
    const std::size_t size = big_endian_u32(rest);
    if (size > rest.size() - 4) return corrupt("truncated block");
    if (auto read = BlockReader(rest.subspan(4, size), plain, size_max_bytes).read(); !read)
      return read.error();
    rest = rest.subspan(4 + size);
  }
  return plain;
}

}  // namespace tandem
