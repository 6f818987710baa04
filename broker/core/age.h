// Ages as RabbitMQ's streams say them: a whole number and a unit, Y M D h m s (years of 365 days, months of 30).
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "broker/base/ids.h"

namespace tandem::core {

/// nullopt when the text is no age, or one that milliseconds cannot count.
inline std::optional<DurationMs> read_age(std::string_view text) {
  constexpr std::array<std::pair<char, std::int64_t>, 6> units{
      {{'Y', 31'536'000}, {'M', 2'592'000}, {'D', 86'400}, {'h', 3'600}, {'m', 60}, {'s', 1}}};
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop + 1 != end || number < 0) return std::nullopt;
  for (const auto& [letter, seconds] : units) {
    if (*stop != letter) continue;
    const std::int64_t unit_ms = seconds * 1000;
    if (number > std::numeric_limits<std::int64_t>::max() / unit_ms) return std::nullopt;
    return number * unit_ms;
  }
  return std::nullopt;
}

}  // namespace tandem::core
