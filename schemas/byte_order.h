// Integers and floats as bytes: AMQP's parts of a message are big endian, everything of Tandem's own little
// endian. Readers never go past the end: they answer false. Depends on std only.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace tandem {

template <std::unsigned_integral T>
constexpr T swap_bytes(T value) {
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
  return value;
}

/// `at` must have sizeof(T) bytes.
template <std::unsigned_integral T>
T load_big(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return std::endian::native == std::endian::little ? swap_bytes(value) : value;
}
template <std::unsigned_integral T>
T load_little(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return std::endian::native == std::endian::big ? swap_bytes(value) : value;
}
template <std::unsigned_integral T>
void store_big(std::byte* at, T value) {
  if (std::endian::native == std::endian::little) value = swap_bytes(value);
  std::memcpy(at, &value, sizeof value);
}
template <std::unsigned_integral T>
void store_little(std::byte* at, T value) {
  if (std::endian::native == std::endian::big) value = swap_bytes(value);
  std::memcpy(at, &value, sizeof value);
}

template <std::unsigned_integral T>
void append_big(std::vector<std::byte>& out, T value) {
  std::byte bytes[sizeof(T)];
  store_big(bytes, value);
  out.insert(out.end(), bytes, bytes + sizeof bytes);
}
template <std::unsigned_integral T>
void append_little(std::vector<std::byte>& out, T value) {
  std::byte bytes[sizeof(T)];
  store_little(bytes, value);
  out.insert(out.end(), bytes, bytes + sizeof bytes);
}

/// Walks through bytes that a peer or a disk gave. Every step says whether there was enough.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  template <std::unsigned_integral T>
  bool big(T& value) {
    if (rest_.size() < sizeof(T)) return false;
    value = load_big<T>(rest_.data());
    rest_ = rest_.subspan(sizeof(T));
    return true;
  }
  template <std::unsigned_integral T>
  bool little(T& value) {
    if (rest_.size() < sizeof(T)) return false;
    value = load_little<T>(rest_.data());
    rest_ = rest_.subspan(sizeof(T));
    return true;
  }
  bool bytes(std::size_t size, std::span<const std::byte>& value) {
    if (rest_.size() < size) return false;
    value = rest_.first(size);
    rest_ = rest_.subspan(size);
    return true;
  }
  bool skip(std::size_t size) {
    std::span<const std::byte> skipped;
    return bytes(size, skipped);
  }
  /// A length octet and that many bytes: AMQP's short string.
  bool short_text(std::string_view& value) {
    std::uint8_t size = 0;
    std::span<const std::byte> text;
    if (!big(size) || !bytes(size, text)) return false;
    value = {reinterpret_cast<const char*>(text.data()), text.size()};
    return true;
  }
  std::span<const std::byte> rest() const { return rest_; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::span<const std::byte> rest_;
};

/// Appends a short string. More than 255 bytes cannot be said in one: the text is cut there.
inline void append_short_text(std::vector<std::byte>& out, std::string_view text) {
  text = text.substr(0, 255);
  append_big(out, static_cast<std::uint8_t>(text.size()));
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  out.insert(out.end(), data, data + text.size());
}

}  // namespace tandem
