#include "tests/sim/content.h"

#include <cstring>

namespace tandem::sim {

std::vector<std::byte> content_of(support::MessageNumber number) {
  const std::size_t filler = number % 41 == 0 ? 4'000 + number % 3'000 : number * 37 % 300;
  std::vector<std::byte> bytes(sizeof number + filler);
  std::memcpy(bytes.data(), &number, sizeof number);
  for (std::size_t i = 0; i < filler; ++i) bytes[sizeof number + i] = static_cast<std::byte>(number * 31 + i * 7);
  return bytes;
}

std::optional<support::MessageNumber> number_in(Bytes bytes) {
  support::MessageNumber number = 0;
  if (bytes.size() < sizeof number) return std::nullopt;
  std::memcpy(&number, bytes.data(), sizeof number);
  const auto expected = content_of(number);
  const bool same = expected.size() == bytes.size() && std::memcmp(expected.data(), bytes.data(), bytes.size()) == 0;
  return same ? std::optional(number) : std::nullopt;
}

std::vector<std::byte> message_of(support::MessageNumber number, const Properties& properties,
                                  std::string_view exchange, std::string_view routing_key) {
  std::vector<std::byte> encoded, message;
  append_properties(encoded, properties);
  const auto content = content_of(number);
  append_message(message, {exchange, routing_key, encoded, content});
  return message;
}

}  // namespace tandem::sim
