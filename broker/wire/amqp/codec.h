// Bytes of a method ↔ its fields, by the rows of methods.h. Bytes from a peer are judged here: every length
// against what is left, every table to its last field.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "broker/wire/amqp/methods.h"
#include "schemas/message.h"

namespace tandem::wire::amqp {

/// One field's value; which member counts is the field type's matter.
struct FieldValue {
  std::uint64_t number = 0;  // octet … long_long, bit
  std::string_view text;     // short_text, long_text
  Bytes table;               // encoded, with its u32 length; empty stands for an empty table when written

  FieldValue() = default;
  FieldValue(std::integral auto n) : number(static_cast<std::uint64_t>(n)) {}
  FieldValue(std::string_view t) : text(t) {}
  FieldValue(const char* t) : text(t) {}
  FieldValue(const std::string& t) : text(t) {}
  FieldValue(Bytes t) : table(t) {}
};

/// A method as it was read: views into the frame. Fields are asked for by the name in methods.cpp; a name the
/// method does not have is a programmer's mistake.
class MethodView {
 public:
  Method method() const { return info_->method; }
  std::string_view text(std::string_view field) const { return value(field).text; }
  std::uint64_t number(std::string_view field) const { return value(field).number; }
  bool flag(std::string_view field) const { return value(field).number != 0; }
  Bytes table(std::string_view field) const { return value(field).table; }

 private:
  friend std::optional<MethodView> decode_method(const MethodInfo& info, Bytes fields);
  const FieldValue& value(std::string_view field) const;

  const MethodInfo* info_ = nullptr;
  std::array<FieldValue, fields_max> values_;
};

/// `fields` is the method frame's payload behind the four octets of class and method. nullopt when it is too
/// short, too long, or holds a malformed table.
std::optional<MethodView> decode_method(const MethodInfo& info, Bytes fields);

/// Appends a whole method frame. `values` are the fields that are not reserved, in the row's order. Texts
/// longer than a short string are cut.
void append_method(std::vector<std::byte>& out, std::uint16_t channel, Method method,
                   std::initializer_list<FieldValue> values);

}  // namespace tandem::wire::amqp
