#include "schemas/value.h"

#include <algorithm>
#include <charconv>

namespace tandem {
namespace {

template <class List, class Same>
bool all_equivalent(const List& a, const List& b, Same same) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

std::string number_text(auto number) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  return {digits, end};
}

/// What is not printable is written as \xNN, so that text from a peer cannot break a line or a terminal.
std::string printable(std::string_view text) {
  constexpr char hex[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet >= 0x20 && octet != 0x7f) {
      out += c;
    } else {
      out += "\\x";
      out += hex[octet >> 4];
      out += hex[octet & 15];
    }
  }
  return out;
}

std::string decimal_text(Decimal decimal) {
  return number_text(decimal.unscaled) + "e-" + number_text(int{decimal.scale});
}

std::string array_text(const Array& array) {
  std::string out = "[";
  for (const Value& value : array) {
    if (out.size() > 1) out += ", ";
    out += to_text(value);
  }
  return out += "]";
}

std::string table_text(const Table& table) {
  std::string out = "{";
  for (const auto& [name, value] : table) {
    if (out.size() > 1) out += ", ";
    out += printable(name) + ": " + to_text(value);
  }
  return out += "}";
}

}  // namespace

bool equivalent(const Value& a, const Value& b) {
  if (a.integer() && b.integer()) return *a.integer() == *b.integer();
  if (a.type != b.type) return false;
  if (a.array() && b.array()) return all_equivalent(*a.array(), *b.array(), equivalent);
  if (a.table() && b.table()) {
    return all_equivalent(*a.table(), *b.table(), [](const auto& left, const auto& right) {
      return left.first == right.first && equivalent(left.second, right.second);
    });
  }
  return a.data == b.data;
}

std::string_view type_name(ValueType type) {
  switch (type) {
    case ValueType::boolean:
      return "bool";
    case ValueType::int8:
      return "byte";
    case ValueType::uint8:
      return "unsignedbyte";
    case ValueType::int16:
      return "short";
    case ValueType::uint16:
      return "unsignedshort";
    case ValueType::int32:
      return "signedint";
    case ValueType::uint32:
      return "unsignedint";
    case ValueType::int64:
      return "long";
    case ValueType::float32:
      return "float";
    case ValueType::float64:
      return "double";
    case ValueType::decimal:
      return "decimal";
    case ValueType::string:
      return "longstr";
    case ValueType::array:
      return "array";
    case ValueType::timestamp:
      return "timestamp";
    case ValueType::table:
      return "table";
    case ValueType::nothing:
      return "void";
    case ValueType::bytes:
      return "binary";
  }
  return "unknown";
}

std::string to_text(const Value& value) {
  struct Writer {
    ValueType type;
    std::string operator()(std::monostate) const { return "none"; }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return number_text(v); }
    std::string operator()(double v) const { return number_text(v); }
    std::string operator()(Decimal v) const { return decimal_text(v); }
    std::string operator()(const std::string& v) const {
      return type == ValueType::bytes ? "<" + number_text(v.size()) + " bytes>" : "'" + printable(v) + "'";
    }
    std::string operator()(const Array& v) const { return array_text(v); }
    std::string operator()(const Table& v) const { return table_text(v); }
  };
  return std::visit(Writer{value.type}, value.data);
}

Table without_repeats(const Table& table) {
  Table once;
  for (const auto& [key, value] : table)
    if (!find(once, key)) once.emplace_back(key, value);
  return once;
}

}  // namespace tandem
