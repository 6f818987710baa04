// Field tables as RabbitMQ reads and writes them (its errata differ from the AMQP 0-9-1 text in the type
// octets).
#include "schemas/field_table.h"

#include <bit>

namespace tandem {
namespace {

// --- reading
// ----------------------------------------------------------------------------------------------------------

bool read_value(ByteReader& reader, Value& value, int depth);

bool open_block(ByteReader& reader, Bytes& block) {
  std::uint32_t size = 0;
  return reader.big(size) && reader.bytes(size, block);
}

bool read_table(Bytes block, Table& table, int depth) {
  if (depth > field_nesting_max) return false;
  ByteReader reader(block);
  while (!reader.at_end()) {
    std::string_view name;
    Value value;
    if (!reader.short_text(name) || !read_value(reader, value, depth)) return false;
    table.emplace_back(std::string(name), std::move(value));
  }
  return true;
}

bool read_array(Bytes block, Array& array, int depth) {
  if (depth > field_nesting_max) return false;
  ByteReader reader(block);
  while (!reader.at_end()) {
    Value value;
    if (!read_value(reader, value, depth)) return false;
    array.push_back(std::move(value));
  }
  return true;
}

template <class Wire, class Meaning>
bool read_integer(ByteReader& reader, Value& value) {
  Wire wire{};
  if (!reader.big(wire)) return false;
  value.data = static_cast<std::int64_t>(static_cast<Meaning>(wire));
  return true;
}

template <class Wire, class Float>
bool read_float(ByteReader& reader, Value& value) {
  Wire wire{};
  if (!reader.big(wire)) return false;
  value.data = static_cast<double>(std::bit_cast<Float>(wire));
  return true;
}

bool read_boolean(ByteReader& reader, Value& value) {
  std::uint8_t octet = 0;
  if (!reader.big(octet)) return false;
  value.data = octet != 0;
  return true;
}

bool read_decimal(ByteReader& reader, Value& value) {
  Decimal decimal;
  std::uint32_t unscaled = 0;
  if (!reader.big(decimal.scale) || !reader.big(unscaled)) return false;
  decimal.unscaled = static_cast<std::int32_t>(unscaled);
  value.data = decimal;
  return true;
}

bool read_long_text(ByteReader& reader, Value& value) {
  Bytes text;
  if (!open_block(reader, text)) return false;
  value.data = std::string(text_of(text));
  return true;
}

bool read_nested_table(ByteReader& reader, Value& value, int depth) {
  Bytes block;
  return open_block(reader, block) && read_table(block, value.data.emplace<Table>(), depth + 1);
}

bool read_nested_array(ByteReader& reader, Value& value, int depth) {
  Bytes block;
  return open_block(reader, block) && read_array(block, value.data.emplace<Array>(), depth + 1);
}

/// py-amqp, and with it Celery, writes integers that need more than 32 bits as 'L'; RabbitMQ reads that like 'l'.
ValueType type_of(std::uint8_t octet) {
  return octet == 'L' ? ValueType::int64 : static_cast<ValueType>(octet);
}

bool read_value(ByteReader& reader, Value& value, int depth) {
  std::uint8_t type = 0;
  if (!reader.big(type)) return false;
  value.type = type_of(type);
  switch (value.type) {
    case ValueType::boolean:
      return read_boolean(reader, value);
    case ValueType::int8:
      return read_integer<std::uint8_t, std::int8_t>(reader, value);
    case ValueType::uint8:
      return read_integer<std::uint8_t, std::uint8_t>(reader, value);
    case ValueType::int16:
      return read_integer<std::uint16_t, std::int16_t>(reader, value);
    case ValueType::uint16:
      return read_integer<std::uint16_t, std::uint16_t>(reader, value);
    case ValueType::int32:
      return read_integer<std::uint32_t, std::int32_t>(reader, value);
    case ValueType::uint32:
      return read_integer<std::uint32_t, std::uint32_t>(reader, value);
    case ValueType::int64:
    case ValueType::timestamp:
      return read_integer<std::uint64_t, std::int64_t>(reader, value);
    case ValueType::float32:
      return read_float<std::uint32_t, float>(reader, value);
    case ValueType::float64:
      return read_float<std::uint64_t, double>(reader, value);
    case ValueType::decimal:
      return read_decimal(reader, value);
    case ValueType::string:
    case ValueType::bytes:
      return read_long_text(reader, value);
    case ValueType::array:
      return read_nested_array(reader, value, depth);
    case ValueType::table:
      return read_nested_table(reader, value, depth);
    case ValueType::nothing:
      return true;
  }
  return false;
}

// --- stepping over
// ----------------------------------------------------------------------------------------------------

bool skip_value(ByteReader& reader, int depth);

/// A table has a name before each value; an array has not.
bool skip_block(ByteReader& reader, bool named, int depth) {
  Bytes block;
  if (depth > field_nesting_max || !open_block(reader, block)) return false;
  ByteReader inside(block);
  while (!inside.at_end()) {
    std::string_view name;
    if (named && !inside.short_text(name)) return false;
    if (!skip_value(inside, depth)) return false;
  }
  return true;
}

bool skip_value(ByteReader& reader, int depth) {
  std::uint8_t type = 0;
  Bytes block;
  if (!reader.big(type)) return false;
  switch (type_of(type)) {
    case ValueType::nothing:
      return true;
    case ValueType::boolean:
    case ValueType::int8:
    case ValueType::uint8:
      return reader.skip(1);
    case ValueType::int16:
    case ValueType::uint16:
      return reader.skip(2);
    case ValueType::int32:
    case ValueType::uint32:
    case ValueType::float32:
      return reader.skip(4);
    case ValueType::decimal:
      return reader.skip(5);
    case ValueType::int64:
    case ValueType::timestamp:
    case ValueType::float64:
      return reader.skip(8);
    case ValueType::string:
    case ValueType::bytes:
      return open_block(reader, block);
    case ValueType::array:
      return skip_block(reader, false, depth + 1);
    case ValueType::table:
      return skip_block(reader, true, depth + 1);
  }
  return false;
}

// --- writing
// ----------------------------------------------------------------------------------------------------------

void append_value(std::vector<std::byte>& out, const Value& value);

/// Writes a u32 length and, behind it, whatever `fill` appends.
template <class Fill>
void append_block(std::vector<std::byte>& out, Fill fill) {
  const std::size_t start = out.size();
  append_big(out, std::uint32_t{0});
  fill();
  store_big(out.data() + start, static_cast<std::uint32_t>(out.size() - start - 4));
}

void append_array(std::vector<std::byte>& out, const Array& array) {
  append_block(out, [&] {
    for (const Value& value : array) append_value(out, value);
  });
}

void append_long_text(std::vector<std::byte>& out, std::string_view text) {
  append_big(out, static_cast<std::uint32_t>(text.size()));
  const Bytes bytes = bytes_of(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_decimal(std::vector<std::byte>& out, Decimal decimal) {
  append_big(out, decimal.scale);
  append_big(out, static_cast<std::uint32_t>(decimal.unscaled));
}

/// The data under `value`, or a default where type and data do not belong together: the bytes stay
/// well-formed.
template <class T>
T data_or_default(const Value& value) {
  const T* data = std::get_if<T>(&value.data);
  return data ? *data : T{};
}

template <class Wire>
void append_integer(std::vector<std::byte>& out, const Value& value) {
  append_big(out, static_cast<Wire>(data_or_default<std::int64_t>(value)));
}

void append_value(std::vector<std::byte>& out, const Value& value) {
  append_big(out, static_cast<std::uint8_t>(value.type));
  switch (value.type) {
    case ValueType::boolean:
      return append_big(out, static_cast<std::uint8_t>(data_or_default<bool>(value)));
    case ValueType::int8:
    case ValueType::uint8:
      return append_integer<std::uint8_t>(out, value);
    case ValueType::int16:
    case ValueType::uint16:
      return append_integer<std::uint16_t>(out, value);
    case ValueType::int32:
    case ValueType::uint32:
      return append_integer<std::uint32_t>(out, value);
    case ValueType::int64:
    case ValueType::timestamp:
      return append_integer<std::uint64_t>(out, value);
    case ValueType::float32:
      return append_big(out,
                        std::bit_cast<std::uint32_t>(static_cast<float>(data_or_default<double>(value))));
    case ValueType::float64:
      return append_big(out, std::bit_cast<std::uint64_t>(data_or_default<double>(value)));
    case ValueType::decimal:
      return append_decimal(out, data_or_default<Decimal>(value));
    case ValueType::string:
    case ValueType::bytes: {
      const auto* text = std::get_if<std::string>(&value.data);
      return append_long_text(out, text ? std::string_view(*text) : std::string_view());
    }
    case ValueType::array:
      return append_array(out, value.array() ? *value.array() : Array{});
    case ValueType::table:
      return append_table(out, value.table() ? *value.table() : Table{});
    case ValueType::nothing:
      return;
  }
}

}  // namespace

std::optional<Table> decode_table(Bytes encoded, std::size_t* consumed) {
  ByteReader reader(encoded);
  Bytes block;
  Table table;
  if (!open_block(reader, block) || !read_table(block, table, 1)) return std::nullopt;
  if (consumed) *consumed = encoded.size() - reader.rest().size();
  return table;
}

void append_table(std::vector<std::byte>& out, const Table& table) {
  append_block(out, [&] {
    for (const auto& [name, value] : table) {
      append_short_text(out, name);
      append_value(out, value);
    }
  });
}

bool skip_table(ByteReader& reader, Bytes& table) {
  const Bytes start = reader.rest();
  if (!skip_block(reader, true, 1)) return false;
  table = start.first(start.size() - reader.rest().size());
  return true;
}

}  // namespace tandem
