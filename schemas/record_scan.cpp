#include "schemas/record_scan.h"

namespace tandem {
namespace {

/// Steps over bytes; at the first thing that does not fit it says no, and is of no use any more. Varints stay zigzag where
/// nobody needs their value: size * 2, and 1 for the size -1 of what is null.
class Steps {
 public:
  Steps(const std::byte* from, const std::byte* to) : at_(from), end_(to) {}

  const std::byte* at() const { return at_; }
  bool at_end() const { return at_ == end_; }

  bool zigzag(std::uint64_t& bits) {
    bits = 0;
    for (int shift = 0; shift < 70 && at_ != end_; shift += 7) {
      const auto octet = std::to_integer<std::uint64_t>(*at_++);
      if (shift == 63 && octet > 1) return false;
      bits |= (octet & 0x7f) << shift;
      if (octet < 0x80) return true;
    }
    return false;
  }

  bool skip(std::uint64_t size) {
    if (size > static_cast<std::uint64_t>(end_ - at_)) return false;
    at_ += size;
    return true;
  }

  /// Bytes behind their size.
  bool sized() {
    std::uint64_t bits = 0;
    return zigzag(bits) && (bits & 1) == 0 && skip(bits >> 1);
  }
  bool sized_or_null(bool& is_null) {
    std::uint64_t bits = 0;
    if (!zigzag(bits)) return false;
    is_null = bits == 1;
    return is_null || ((bits & 1) == 0 && skip(bits >> 1));
  }

 private:
  const std::byte* at_;
  const std::byte* end_;
};

bool step_over_headers(Steps& in, std::uint64_t count) {
  for (bool is_null = false; count > 0; --count)
    if (!in.sized() || !in.sized_or_null(is_null)) return false;
  return true;
}

/// One record without its size: attributes u8, then varints and what they measure.
bool step_over(Steps in, std::int32_t offset_delta, bool& key_is_null) {
  std::uint64_t timestamp_delta = 0, delta = 0, headers = 0;
  bool value_is_null = false;
  if (!in.skip(1) || !in.zigzag(timestamp_delta)) return false;
  if (!in.zigzag(delta) || delta != static_cast<std::uint64_t>(offset_delta) * 2) return false;
  if (!in.sized_or_null(key_is_null) || !in.sized_or_null(value_is_null)) return false;
  if (!in.zigzag(headers) || (headers & 1) != 0) return false;
  return step_over_headers(in, headers >> 1) && in.at_end();
}

/// nullptr: it is malformed.
const std::byte* record_end(const std::byte* at, const std::byte* end, std::int32_t offset_delta, bool& key_is_null) {
  Steps in(at, end);
  std::uint64_t size = 0;
  if (!in.zigzag(size) || (size & 1) != 0) return nullptr;
  const std::byte* const begin = in.at();
  return in.skip(size >> 1) && step_over({begin, in.at()}, offset_delta, key_is_null) ? in.at() : nullptr;
}

// --- the quick way
// -----------------------------------------------------------------------------------------------------

/// A varint of one octet or two, both of which are there; false when it is longer.
inline bool take_short(const std::byte*& at, std::uint32_t& bits) {
  bits = std::to_integer<std::uint32_t>(*at++);
  if (bits < 0x80) return true;
  const auto high = std::to_integer<std::uint32_t>(*at++);
  bits = (bits & 0x7f) | high << 7;
  return high < 0x80;
}

/// What a key's or value's size * 2 stands for; 1, which is null, for nothing.
inline std::ptrdiff_t passed(std::uint32_t bits) { return bits == 1 ? 0 : static_cast<std::ptrdiff_t>(bits >> 1); }

/// Octets that are read at most between two looks at where that is.
constexpr std::ptrdiff_t quick_room = 16;

/// The end of a good record that is like nearly all others: short varints, no headers, `quick_room` octets behind its first, so that
/// they need not be counted one by one. nullptr says nothing: Steps judges it. Where the next record begins hangs on this
/// one's size alone, so that a processor looks at several records at once.
inline const std::byte* quick_end(const std::byte* at, const std::byte* end, std::uint32_t offset_delta, bool& key_is_null) {
  std::uint32_t size = 0, delta = 0, timestamp_delta = 0, key = 0, value = 0;
  if (end - at < quick_room || !take_short(at, size)) return nullptr;
  if ((size & 1) != 0 || static_cast<std::ptrdiff_t>(size >> 1) > end - at) return nullptr;
  const std::byte* const record_end = at + (size >> 1);
  ++at;  // attributes
  if (!take_short(at, timestamp_delta) || !take_short(at, delta) || delta != offset_delta * 2 || !take_short(at, key)) return nullptr;
  key_is_null = key == 1;
  if (!key_is_null) {
    if ((key & 1) != 0 || end - at < passed(key) + quick_room) return nullptr;
    at += passed(key);
  }
  if (!take_short(at, value) || ((value & 1) != 0 && value != 1)) return nullptr;
  constexpr std::ptrdiff_t no_headers = 1;
  return record_end - at == passed(value) + no_headers && record_end[-1] == std::byte{0} ? record_end : nullptr;
}

}  // namespace

RecordScan scan_records(Bytes records, std::int32_t count) {
  RecordScan found;
  std::int32_t without_key = -1;
  const std::byte* at = records.data();
  const std::byte* const end = at + records.size();
  for (std::int32_t i = 0; i < count; ++i) {
    bool key_is_null = false;
    const std::byte* next = quick_end(at, end, static_cast<std::uint32_t>(i), key_is_null);
    if (!next) next = record_end(at, end, i, key_is_null);
    if (!next) {
      found.malformed = i;
      break;
    }
    if (key_is_null && without_key < 0) without_key = i;
    at = next;
  }
  if (!found.malformed && at != end) found.malformed = count;
  if (without_key >= 0) found.without_key = without_key;
  return found;
}

}  // namespace tandem
