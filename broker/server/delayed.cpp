#include "broker/server/delayed.h"

namespace tandem::server {

namespace {

/// Keeps the type where it has a sign.
void negate(Value& value) {
  const std::int64_t* delay = value.integer();
  if (!delay || *delay <= 0) return;
  const bool is_unsigned =
      value.type == ValueType::uint8 || value.type == ValueType::uint16 || value.type == ValueType::uint32;
  value = Value(is_unsigned ? ValueType::int64 : value.type, std::int64_t{-*delay});
}

}  // namespace

std::optional<std::vector<std::byte>> end_delay(Bytes stored) {
  auto message = parse_message(stored);
  if (!message) return std::nullopt;
  auto properties = decode_properties(message->properties);
  if (!properties) return std::nullopt;
  std::vector<std::byte> encoded;
  if (properties->headers)
    for (auto& [key, value] : *properties->headers)
      if (key == "x-delay") negate(value);
  append_properties(encoded, *properties);
  message->properties = encoded;
  std::vector<std::byte> result;
  append_message(result, *message);
  return result;
}

}  // namespace tandem::server
