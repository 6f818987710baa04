#include "broker/wire/kafka/codec.h"

namespace tandem::wire::kafka {

std::uint32_t Reader::varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift <= 28; shift += 7) {
    const auto octet = number<std::uint8_t>();
    value |= static_cast<std::uint64_t>(octet & 0x7f) << shift;
    if (octet < 0x80) break;
    if (shift == 28) fail();
  }
  if (value > 0xffffffffu) fail();
  return ok_ ? static_cast<std::uint32_t>(value) : 0;
}

std::optional<std::size_t> Reader::element_count() {
  const auto count = length<std::uint32_t>();
  if (!ok_ || !count) return std::nullopt;
  elements_ += *count;
  if (*count > in_.rest().size() || elements_ > elements_max) {
    fail();
    return std::nullopt;
  }
  return count;
}

void Reader::skip_tagged_fields() {
  if (!ok_) return;
  const std::uint32_t count = varint();
  for (std::uint32_t i = 0; i < count && ok_; ++i) {
    varint();  // which tag
    const std::uint32_t size = varint();
    if (ok_ && !in_.skip(size)) fail();
  }
}

void Writer::write_varint(std::uint32_t value) {
  for (; value >= 0x80; value >>= 7) out_.bytes.push_back(static_cast<std::byte>(value | 0x80));
  out_.bytes.push_back(static_cast<std::byte>(value));
}

void Writer::write_records(const Records& records) {
  if (!records.there) return write_null<std::uint32_t>();
  if (!records.owner) return write_sized<std::uint32_t>(records.bytes);
  write_length<std::uint32_t>(records.bytes.size());
  out_.splices.push_back({out_.bytes.size(), records.bytes, records.owner});
}

}  // namespace tandem::wire::kafka
