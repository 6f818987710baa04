// A typed value of a field table: arguments of declare, bind and consume, and message headers. The tag keeps the
// AMQP type, so that what a client sent is what another client reads (docs/amqp.md, field-table types as RabbitMQ
// reads them). Depends on std only: broker and client share it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tandem {

struct Value;
using Table = std::vector<std::pair<std::string, Value>>;  // keeps the sender's order
using Array = std::vector<Value>;

struct Decimal {
  std::uint8_t scale = 0;
  std::int32_t unscaled = 0;
  friend bool operator==(const Decimal&, const Decimal&) = default;
};

/// The AMQP field-table type octet, in RabbitMQ's reading.
enum class ValueType : char {
  boolean = 't', int8 = 'b', uint8 = 'B', int16 = 's', uint16 = 'u', int32 = 'I', uint32 = 'i', int64 = 'l',
  float32 = 'f', float64 = 'd', decimal = 'D', string = 'S', array = 'A', timestamp = 'T', table = 'F',
  nothing = 'V', bytes = 'x',
};

/// What RabbitMQ calls it: "longstr", "signedint", …
std::string_view type_name(ValueType type);

struct Value {
  ValueType type = ValueType::nothing;
  // nothing → monostate; boolean → bool; every integer and timestamp (seconds) → int64; floats → double;
  // string and bytes → string.
  std::variant<std::monostate, bool, std::int64_t, double, Decimal, std::string, Array, Table> data;

  Value() = default;
  Value(bool v) : type(ValueType::boolean), data(v) {}
  Value(std::int64_t v) : type(ValueType::int64), data(v) {}
  Value(int v) : type(ValueType::int32), data(std::int64_t{v}) {}
  Value(double v) : type(ValueType::float64), data(v) {}
  Value(std::string v) : type(ValueType::string), data(std::move(v)) {}
  Value(std::string_view v) : Value(std::string(v)) {}
  Value(const char* v) : Value(std::string(v)) {}
  Value(Table v) : type(ValueType::table), data(std::move(v)) {}
  Value(Array v) : type(ValueType::array), data(std::move(v)) {}
  template <class T>
  Value(ValueType t, T v) : type(t), data(std::move(v)) {}

  const std::int64_t* integer() const {
    return type == ValueType::timestamp ? nullptr : std::get_if<std::int64_t>(&data);
  }
  const std::string* text() const { return type == ValueType::string ? std::get_if<std::string>(&data) : nullptr; }
  const bool* boolean() const { return std::get_if<bool>(&data); }
  const Table* table() const { return std::get_if<Table>(&data); }
  const Array* array() const { return std::get_if<Array>(&data); }

  friend bool operator==(const Value&, const Value&) = default;
};

/// The value of `key`, or nullptr.
inline const Value* find(const Table& table, std::string_view key) {
  for (const auto& [name, value] : table)
    if (name == key) return &value;
  return nullptr;
}

/// The table with the first of each key alone, which is the one that find() gives.
Table without_repeats(const Table& table);

/// Equal as RabbitMQ compares arguments: integers by value whatever their width, everything else by type and value.
bool equivalent(const Value& a, const Value& b);

/// For people: 30000, true, 'text', {k: v}.
std::string to_text(const Value& value);

}  // namespace tandem
