// Reads and writes the Kafka protocol's messages. A message says once which fields it has, in which order and
// in which versions:
//
//   struct Example {
//     std::string_view name;
//     std::int32_t count = -1;
//     template <class C, class M> static void describe(C& c, M& m) { c(m.name); c(m.count, 2, 5); }
//   };
//
// and both Reader and Writer go by that. c(field, from, to): the field is there in versions from..to; in the
// others it keeps its default. In flexible versions texts and arrays are compact and every struct ends with
// tagged fields: those that come are skipped, none is written. Big endian throughout.
//
// What a field's type means on the wire: bool and integers as they are; std::string_view, std::string: text;
// Bytes, Blob: bytes; Records: record batches; Uuid; std::vector: array; std::optional of text, bytes or
// array: may be null; a struct: its fields. A Reader's views point into the bytes it was given.
#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "broker/wire/outbox.h"
#include "schemas/byte_order.h"

namespace tandem::wire::kafka {

inline constexpr int newest = 32767;  // "in every version from … on"

/// 128 bits, 0 = none.
struct Uuid {
  std::uint64_t high = 0, low = 0;
  friend bool operator==(const Uuid&, const Uuid&) = default;
  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

/// Bytes that a response owns.
struct Blob {
  std::string value;
};

/// Record batches, byte for byte; `owner` keeps them alive until they are written. Null on the wire when not
/// `there`.
struct Records {
  Bytes bytes;
  Owner owner;
  bool there = false;
};

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
concept Text = std::same_as<T, std::string> || std::same_as<T, std::string_view>;

/// Takes a message apart. Once something does not fit, ok() is false for good and all further fields keep
/// their defaults.
class Reader {
 public:
  /// As Kafka: a length is 16 bits in old versions, and nothing needs more.
  static constexpr std::size_t text_size_max_bytes = 32'767;
  /// Array elements of one message. Elements may be as short as one octet and cost a hundred bytes in memory;
  /// the longest that is of use names 50,000 partitions.
  static constexpr std::size_t elements_max = 200'000;

  Reader(Bytes bytes, std::int16_t version, bool flexible)
      : in_(bytes), version_(version), flexible_(flexible) {}

  bool ok() const { return ok_; }
  /// Everything fitted and nothing is left.
  bool whole() const { return ok_ && in_.at_end(); }
  Bytes rest() const { return in_.rest(); }
  std::int16_t version() const { return version_; }

  template <class T>
  void operator()(T& field, int from = 0, int to = newest) {
    if (ok_ && version_ >= from && version_ <= to) read(field);
  }

  template <class T>
  void structure(T& value) {
    T::describe(*this, value);
    if (flexible_) skip_tagged_fields();
  }

 private:
  template <class T>
  void read(T& field) {
    if constexpr (std::same_as<T, bool>) {
      field = number<std::uint8_t>() != 0;
    } else if constexpr (std::integral<T>) {
      field = static_cast<T>(number<std::make_unsigned_t<T>>());
    } else if constexpr (std::same_as<T, Uuid>) {
      field.high = number<std::uint64_t>();
      field.low = number<std::uint64_t>();
    } else if constexpr (Text<T>) {
      read_text(field);
    } else if constexpr (std::same_as<T, Bytes>) {
      if (const auto taken = sized<std::uint32_t>(in_.rest().size())) field = *taken;
    } else if constexpr (std::same_as<T, Blob>) {
      if (const auto taken = sized<std::uint32_t>(in_.rest().size())) field.value = text_of(*taken);
    } else if constexpr (std::same_as<T, Records>) {
      const auto taken = sized<std::uint32_t>(in_.rest().size());
      field.there = taken.has_value();
      if (taken) field.bytes = *taken;
    } else if constexpr (is_vector<T>) {
      if (const auto count = element_count()) read_elements(field, *count);
    } else if constexpr (is_optional<T>) {
      read_nullable(field);
    } else {
      structure(field);
    }
  }

  template <Text T>
  void read_text(T& field) {
    if (const auto taken = sized<std::uint16_t>(text_size_max_bytes)) field = text_of(*taken);
  }

  template <class T>
  void read_nullable(std::optional<T>& field) {
    field.reset();
    if constexpr (is_vector<T>) {
      if (const auto count = element_count()) read_elements(field.emplace(), *count);
    } else if constexpr (Text<T>) {
      if (const auto taken = sized<std::uint16_t>(text_size_max_bytes)) field = text_of(*taken);
    } else {
      if (const auto taken = sized<std::uint32_t>(in_.rest().size())) field = *taken;
    }
  }

  template <class T>
  void read_elements(std::vector<T>& field, std::size_t count) {
    field.clear();
    field.reserve(count);
    for (std::size_t i = 0; i < count && ok_; ++i) read(field.emplace_back());
  }

  template <std::unsigned_integral T>
  T number() {
    T value{};
    if (ok_ && !in_.big(value)) fail();
    return value;
  }
  std::uint32_t varint();
  /// A length, one less than none for null.
  template <std::unsigned_integral Size>
  std::optional<std::size_t> length() {
    if (flexible_) {
      const std::uint32_t size = varint();
      return size == 0 ? std::nullopt : std::optional<std::size_t>(size - 1);
    }
    const auto size = static_cast<std::make_signed_t<Size>>(number<Size>());
    if (size < -1) fail();
    return size < 0 ? std::nullopt : std::optional<std::size_t>(size);
  }
  /// A length and that many bytes; none for null.
  template <std::unsigned_integral Size>
  std::optional<Bytes> sized(std::size_t size_max) {
    const auto size = length<Size>();
    if (!ok_ || !size) return std::nullopt;
    Bytes taken;
    if (*size > size_max || !in_.bytes(*size, taken)) {
      fail();
      return std::nullopt;
    }
    return taken;
  }
  /// None for null. Never more than there are bytes left.
  std::optional<std::size_t> element_count();
  void skip_tagged_fields();
  void fail() { ok_ = false; }

  ByteReader in_;
  std::int16_t version_;
  bool flexible_;
  bool ok_ = true;
  std::size_t elements_ = 0;
};

/// A message's bytes as they are put together: large parts stay where they lie.
struct Encoded {
  struct Splice {
    std::size_t at = 0;  // position in `bytes` that it goes in front of
    Bytes bytes;
    Owner owner;
  };
  std::vector<std::byte> bytes;
  std::vector<Splice> splices;  // ascending

  std::size_t size_bytes() const {
    std::size_t size = bytes.size();
    for (const Splice& splice : splices) size += splice.bytes.size();
    return size;
  }
};

/// Appends a message to `out`. Fields that the version does not have are left out.
class Writer {
 public:
  Writer(Encoded& out, std::int16_t version, bool flexible)
      : out_(out), version_(version), flexible_(flexible) {}

  std::int16_t version() const { return version_; }

  template <class T>
  void operator()(const T& field, int from = 0, int to = newest) {
    if (version_ >= from && version_ <= to) write(field);
  }

  template <class T>
  void structure(const T& value) {
    T::describe(*this, value);
    if (flexible_) write_varint(0);  // no tagged fields
  }

 private:
  template <class T>
  void write(const T& field) {
    if constexpr (std::same_as<T, bool>) {
      append_big(out_.bytes, static_cast<std::uint8_t>(field));
    } else if constexpr (std::integral<T>) {
      append_big(out_.bytes, static_cast<std::make_unsigned_t<T>>(field));
    } else if constexpr (std::same_as<T, Uuid>) {
      append_big(out_.bytes, field.high);
      append_big(out_.bytes, field.low);
    } else if constexpr (Text<T>) {
      // What is longer than a text may be is for people, and is cut.
      write_sized<std::uint16_t>(bytes_of(std::string_view(field).substr(0, Reader::text_size_max_bytes)));
    } else if constexpr (std::same_as<T, Bytes>) {
      write_sized<std::uint32_t>(field);
    } else if constexpr (std::same_as<T, Blob>) {
      write_sized<std::uint32_t>(bytes_of(field.value));
    } else if constexpr (std::same_as<T, Records>) {
      write_records(field);
    } else if constexpr (is_vector<T>) {
      write_length<std::uint32_t>(field.size());
      for (const auto& element : field) write(element);
    } else if constexpr (is_optional<T>) {
      if (field)
        write(*field);
      else
        write_null<std::conditional_t<Text<typename T::value_type>, std::uint16_t, std::uint32_t>>();
    } else {
      structure(field);
    }
  }

  template <std::unsigned_integral Size>
  void write_length(std::size_t size) {
    if (flexible_)
      write_varint(static_cast<std::uint32_t>(size + 1));
    else
      append_big(out_.bytes, static_cast<Size>(size));
  }
  template <std::unsigned_integral Size>
  void write_null() {
    if (flexible_)
      write_varint(0);
    else
      append_big(out_.bytes, static_cast<Size>(-1));
  }
  template <std::unsigned_integral Size>
  void write_sized(Bytes bytes) {
    write_length<Size>(bytes.size());
    out_.bytes.insert(out_.bytes.end(), bytes.begin(), bytes.end());
  }
  void write_records(const Records& records);
  void write_varint(std::uint32_t value);

  Encoded& out_;
  std::int16_t version_;
  bool flexible_;
};

}  // namespace tandem::wire::kafka
