// The fields of a record batch and of its records as bytes: what batch.cpp and batch_filter.cpp share. Not for
// anybody else; see the drawing in batch.h.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "schemas/batch.h"
#include "schemas/byte_order.h"
#include "schemas/crc32c.h"

namespace tandem::batch_fields {

// Positions.
inline constexpr std::size_t at_base_offset = 0, at_batch_length = 8, at_leader_epoch = 12, at_magic = 16,
                             at_crc = 17, at_attributes = 21, at_last_offset_delta = 23, at_base_timestamp = 27,
                             at_max_timestamp = 35, at_producer_id = 43, at_producer_epoch = 51,
                             at_base_sequence = 53, at_record_count = 57;
inline constexpr std::int16_t attribute_log_append_time = 0x8, attribute_transactional = 0x10,
                              attribute_control = 0x20, attribute_delete_horizon = 0x40;

template <std::integral T>
T load(const std::byte* from) {
  return static_cast<T>(load_big<std::make_unsigned_t<T>>(from));
}
template <std::integral T>
void store(std::byte* to, T value) {
  store_big(to, static_cast<std::make_unsigned_t<T>>(value));
}

inline Error corrupt(std::string what) {
  return {ErrorCode::corrupt, "record batch: " + std::move(what)};
}

inline std::uint32_t checksum(Bytes batch) {
  return crc32c(batch.subspan(at_attributes));
}

inline BatchHeader read_header(const std::byte* b) {
  BatchHeader header;
  header.base_offset = load<std::int64_t>(b + at_base_offset);
  header.size_bytes =
      static_cast<std::uint32_t>(load<std::int32_t>(b + at_batch_length)) + batch_size_prefix_bytes;
  header.leader_epoch = load<std::int32_t>(b + at_leader_epoch);
  header.crc = load<std::uint32_t>(b + at_crc);
  header.attributes = load<std::int16_t>(b + at_attributes);
  header.last_offset_delta = load<std::int32_t>(b + at_last_offset_delta);
  header.base_timestamp = load<std::int64_t>(b + at_base_timestamp);
  header.max_timestamp = load<std::int64_t>(b + at_max_timestamp);
  header.producer_id = load<std::int64_t>(b + at_producer_id);
  header.producer_epoch = load<std::int16_t>(b + at_producer_epoch);
  header.base_sequence = load<std::int32_t>(b + at_base_sequence);
  header.record_count = load<std::int32_t>(b + at_record_count);
  return header;
}

inline void write_header(std::byte* b, const BatchHeader& header) {
  store(b + at_base_offset, header.base_offset);
  store(b + at_batch_length, static_cast<std::int32_t>(header.size_bytes - batch_size_prefix_bytes));
  store(b + at_leader_epoch, header.leader_epoch);
  b[at_magic] = std::byte{2};
  store(b + at_attributes, header.attributes);
  store(b + at_last_offset_delta, header.last_offset_delta);
  store(b + at_base_timestamp, header.base_timestamp);
  store(b + at_max_timestamp, header.max_timestamp);
  store(b + at_producer_id, header.producer_id);
  store(b + at_producer_epoch, header.producer_epoch);
  store(b + at_base_sequence, header.base_sequence);
  store(b + at_record_count, header.record_count);
}

inline void seal(std::span<std::byte> batch) {
  store(batch.data() + at_crc, checksum(batch));
}

// --- varints: zigzag, 7 bits an octet, low bits first ---------------------------------------------------

inline void append_varint(std::vector<std::byte>& out, std::int64_t value) {
  auto bits = static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
  for (; bits >= 0x80; bits >>= 7) out.push_back(static_cast<std::byte>(bits | 0x80));
  out.push_back(static_cast<std::byte>(bits));
}

inline std::size_t varint_size_bytes(std::int64_t value) {
  auto bits = static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
  return (static_cast<std::size_t>(std::bit_width(bits | 1)) + 6) / 7;
}

/// Takes a record apart from its front; `ok` turns false at the first thing that does not fit.
class RecordReader {
 public:
  explicit RecordReader(Bytes bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

  std::int64_t varint() {
    std::uint64_t bits = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      const auto octet = std::to_integer<std::uint64_t>(u8());
      if (!ok_) return 0;
      if (shift == 63 && octet > 1) break;
      bits |= (octet & 0x7f) << shift;
      if (octet < 0x80) return static_cast<std::int64_t>(bits >> 1 ^ (~(bits & 1) + 1));
    }
    ok_ = false;
    return 0;
  }

  std::byte u8() {
    if (rest_.empty()) {
      ok_ = false;
      return {};
    }
    const std::byte octet = rest_.front();
    rest_ = rest_.subspan(1);
    return octet;
  }

  Bytes bytes(std::int64_t size) {
    if (size < 0 || static_cast<std::uint64_t>(size) > rest_.size()) {
      ok_ = false;
      return {};
    }
    const Bytes taken = rest_.first(static_cast<std::size_t>(size));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

  /// Length -1 means null.
  std::optional<Bytes> nullable_bytes() {
    const std::int64_t size = varint();
    if (!ok_ || size == -1) return std::nullopt;
    return bytes(size);
  }

  std::size_t left() const { return rest_.size(); }

 private:
  Bytes rest_;
  bool ok_ = true;
};

/// for_each_record() for records that are not compressed (any more); `header` is that of their batch.
Result<> visit_plain_records(Bytes records, const BatchHeader& header,
                             const std::function<bool(const RecordView&)>& visit);

}  // namespace tandem::batch_fields
