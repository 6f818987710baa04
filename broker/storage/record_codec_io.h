// The three ways to go over a record's fields: measure, write, read. Each knows the same few kinds of field:
//   number  unsigned: varint (7 bits per byte, low first); signed: zigzag, then varint
//   flags   up to 8 booleans in one byte; unknown bits are corrupt
//   choice  an enum in one byte, checked against its last value
//   text    varint size, bytes
//   table   u32 size (big endian) and fields, as AMQP has them (schemas/message.h)
//   list    varint count, elements
#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "broker/base/ids.h"
#include "schemas/message.h"

namespace tandem::storage::codec {

inline constexpr std::size_t varint_size_max_bytes = 10;

inline std::byte* put_varint(std::byte* out, std::uint64_t value) {
  while (value >= 0x80) {
    *out++ = static_cast<std::byte>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<std::byte>(value);
  return out;
}

/// Returns where the varint ends; nullptr when it is cut off or does not fit 64 bits.
inline const std::byte* get_varint(const std::byte* at, const std::byte* end, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && at != end; shift += 7) {
    const auto octet = static_cast<std::uint64_t>(*at++);
    if (shift == 63 && octet > 1) return nullptr;
    value |= (octet & 0x7F) << shift;
    if ((octet & 0x80) == 0) return at;
  }
  return nullptr;
}

constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

class Measure {
 public:
  std::size_t size_bytes() const { return size_; }

  void number(std::integral auto) { size_ += varint_size_max_bytes; }
  template <class Tag, class Rep>
  void id(Id<Tag, Rep>) {
    size_ += varint_size_max_bytes;
  }
  void flags(std::same_as<bool> auto...) { size_ += 1; }
  template <class E>
  void choice(E, E) {
    size_ += 1;
  }
  void text(const std::string& text) { size_ += varint_size_max_bytes + text.size(); }
  void table(const Table& table) {
    std::vector<std::byte> encoded;
    append_table(encoded, table);
    size_ += encoded.size();
  }
  template <class T, class EachField>
  void list(const std::vector<T>& list, EachField each) {
    size_ += varint_size_max_bytes;
    for (const T& element : list) each(*this, element);
  }

 private:
  std::size_t size_ = 0;
};

class Writer {
 public:
  explicit Writer(std::byte* out) : at_(out) {}
  std::byte* end() const { return at_; }

  template <std::unsigned_integral T>
  void number(T value) {
    at_ = put_varint(at_, value);
  }
  template <std::signed_integral T>
  void number(T value) {
    at_ = put_varint(at_, zigzag(value));
  }
  template <class Tag, class Rep>
  void id(Id<Tag, Rep> id) {
    number(id.value);
  }
  void flags(std::same_as<bool> auto... flag) {
    unsigned bits = 0, bit = 1;
    ((bits |= flag ? bit : 0, bit <<= 1), ...);
    *at_++ = static_cast<std::byte>(bits);
  }
  template <class E>
  void choice(E value, E) {
    *at_++ = static_cast<std::byte>(value);
  }
  void text(const std::string& text) {
    number(text.size());
    copy(text.data(), text.size());
  }
  void table(const Table& table) {
    std::vector<std::byte> encoded;
    append_table(encoded, table);
    copy(encoded.data(), encoded.size());
  }
  template <class T, class EachField>
  void list(const std::vector<T>& list, EachField each) {
    number(list.size());
    for (const T& element : list) each(*this, element);
  }

 private:
  void copy(const void* data, std::size_t size) {
    if (size != 0) std::memcpy(at_, data, size);
    at_ += size;
  }

  std::byte* at_;
};

/// After the first thing that cannot be, failed() is true and everything reads as zero or empty.
class Reader {
 public:
  explicit Reader(Bytes bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
  bool failed() const { return failed_; }
  const std::byte* at() const { return at_; }

  template <std::unsigned_integral T>
  void number(T& value) {
    const std::uint64_t wide = varint();
    if (wide > std::numeric_limits<T>::max()) return fail();
    value = static_cast<T>(wide);
  }
  template <std::signed_integral T>
  void number(T& value) {
    const std::int64_t wide = unzigzag(varint());
    if (wide < std::numeric_limits<T>::min() || wide > std::numeric_limits<T>::max()) return fail();
    value = static_cast<T>(wide);
  }
  template <class Tag, class Rep>
  void id(Id<Tag, Rep>& id) {
    number(id.value);
  }
  void flags(std::same_as<bool> auto&... flag) {
    unsigned bits = octet();
    ((flag = (bits & 1) != 0, bits >>= 1), ...);
    if (bits != 0) fail();
  }
  template <class E>
  void choice(E& value, E last) {
    const unsigned number = octet();
    if (number > static_cast<unsigned>(last)) return fail();
    value = static_cast<E>(number);
  }
  void text(std::string& text) {
    const std::uint64_t size = varint();
    if (size > left()) return fail();
    text.assign(reinterpret_cast<const char*>(at_), size);
    at_ += size;
  }
  void table(Table& table) {
    std::size_t consumed = 0;
    auto decoded = decode_table({at_, left()}, &consumed);
    if (!decoded) return fail();
    table = std::move(*decoded);
    at_ += consumed;
  }
  template <class T, class EachField>
  void list(std::vector<T>& list, EachField each) {
    const std::uint64_t count = varint();
    if (count > left()) return fail();  // an element takes a byte at least: bounds what a bad count can cost
    for (std::uint64_t i = 0; i < count && !failed_; ++i) each(*this, list.emplace_back());
  }

 private:
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  void fail() {
    failed_ = true;
    at_ = end_;
  }
  unsigned octet() {
    if (at_ == end_) {
      fail();
      return 0;
    }
    return static_cast<unsigned>(*at_++);
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    const std::byte* next = get_varint(at_, end_, value);
    if (next == nullptr) {
      fail();
      return 0;
    }
    at_ = next;
    return value;
  }

  const std::byte* at_;
  const std::byte* end_;
  bool failed_ = false;
};

}  // namespace tandem::storage::codec
