#include "broker/wire/amqp/codec.h"

#include "broker/base/check.h"
#include "broker/wire/amqp/frame.h"
#include "schemas/byte_order.h"
#include "schemas/field_table.h"

namespace tandem::wire::amqp {
namespace {

/// Neighbouring bits share an octet, lowest bit first.
class BitReader {
 public:
  bool next(ByteReader& reader, std::uint64_t& value) {
    if (used_ == 8) {
      if (!reader.big(octet_)) return false;
      used_ = 0;
    }
    value = octet_ >> used_++ & 1u;
    return true;
  }
  void stop() { used_ = 8; }

 private:
  std::uint8_t octet_ = 0;
  int used_ = 8;
};

template <std::unsigned_integral T>
bool read_number(ByteReader& reader, std::uint64_t& value) {
  T wire{};
  if (!reader.big(wire)) return false;
  value = wire;
  return true;
}

bool read_long_text(ByteReader& reader, std::string_view& text) {
  std::uint32_t size = 0;
  Bytes bytes;
  if (!reader.big(size) || !reader.bytes(size, bytes)) return false;
  text = text_of(bytes);
  return true;
}

bool read_field(ByteReader& reader, FieldType type, BitReader& bits, FieldValue& value) {
  if (type == FieldType::bit) return bits.next(reader, value.number);
  bits.stop();
  switch (type) {
    case FieldType::octet:
      return read_number<std::uint8_t>(reader, value.number);
    case FieldType::short_int:
      return read_number<std::uint16_t>(reader, value.number);
    case FieldType::long_int:
      return read_number<std::uint32_t>(reader, value.number);
    case FieldType::long_long:
      return read_number<std::uint64_t>(reader, value.number);
    case FieldType::short_text:
      return reader.short_text(value.text);
    case FieldType::long_text:
      return read_long_text(reader, value.text);
    case FieldType::table:
      return skip_table(reader, value.table);
    case FieldType::bit:
      break;
  }
  return false;
}

void append_table_bytes(std::vector<std::byte>& out, Bytes table) {
  if (table.empty()) {
    append_big(out, std::uint32_t{0});
  } else {
    out.insert(out.end(), table.begin(), table.end());
  }
}

void append_long_text(std::vector<std::byte>& out, std::string_view text) {
  append_big(out, static_cast<std::uint32_t>(text.size()));
  const Bytes bytes = bytes_of(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_field(std::vector<std::byte>& out, FieldType type, const FieldValue& value) {
  switch (type) {
    case FieldType::octet:
      return append_big(out, static_cast<std::uint8_t>(value.number));
    case FieldType::short_int:
      return append_big(out, static_cast<std::uint16_t>(value.number));
    case FieldType::long_int:
      return append_big(out, static_cast<std::uint32_t>(value.number));
    case FieldType::long_long:
      return append_big(out, value.number);
    case FieldType::short_text:
      return append_short_text(out, value.text);
    case FieldType::long_text:
      return append_long_text(out, value.text);
    case FieldType::table:
      return append_table_bytes(out, value.table);
    case FieldType::bit:
      break;  // BitWriter's
  }
}

class BitWriter {
 public:
  void next(std::vector<std::byte>& out, bool value) {
    if (used_ == 8) {
      out.push_back(std::byte{0});
      used_ = 0;
    }
    if (value) out.back() |= std::byte{1} << used_;
    ++used_;
  }
  void stop() { used_ = 8; }

 private:
  int used_ = 8;
};

void append_fields(std::vector<std::byte>& out, const MethodInfo& info,
                   std::initializer_list<FieldValue> values) {
  const auto* given = values.begin();
  BitWriter bits;
  for (const Field& field : info.fields()) {
    static const FieldValue zero;
    CHECK(field.name.empty() || given != values.end());
    const FieldValue& value = field.name.empty() ? zero : *given++;
    if (field.type == FieldType::bit) {
      bits.next(out, value.number != 0);
    } else {
      bits.stop();
      append_field(out, field.type, value);
    }
  }
  CHECK(given == values.end());
}

}  // namespace

const FieldValue& MethodView::value(std::string_view field) const {
  std::size_t index = 0;
  while (index < info_->field_count && info_->all_fields[index].name != field) ++index;
  CHECK(index < info_->field_count);
  return values_[index];
}

std::optional<MethodView> decode_method(const MethodInfo& info, Bytes fields) {
  MethodView view;
  view.info_ = &info;
  ByteReader reader(fields);
  BitReader bits;
  for (std::size_t i = 0; i < info.field_count; ++i)
    if (!read_field(reader, info.all_fields[i].type, bits, view.values_[i])) return std::nullopt;
  if (!reader.at_end()) return std::nullopt;
  return view;
}

void append_method(std::vector<std::byte>& out, std::uint16_t channel, Method method,
                   std::initializer_list<FieldValue> values) {
  const MethodInfo* info = find_method(method);
  CHECK(info != nullptr);
  const std::size_t start = out.size();
  append_big(out, static_cast<std::uint8_t>(FrameType::method));
  append_big(out, channel);
  append_big(out, std::uint32_t{0});  // size, known below
  append_big(out, static_cast<std::uint32_t>(method));
  append_fields(out, *info, values);
  const std::size_t payload_size = out.size() - start - frame_header_size_bytes;
  store_big(out.data() + start + 3, static_cast<std::uint32_t>(payload_size));
  out.push_back(frame_end);
}

}  // namespace tandem::wire::amqp
