// What a policy is for, as RabbitMQ's tools say it.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "tandem/requests.h"

namespace tandem::cli {

/// In the order of PolicyTarget.
inline constexpr std::array<const char*, 5> target_words{"queues", "exchanges", "all", "classic_queues", "quorum_queues"};

/// "unknown" for what a newer broker says.
inline const char* target_word(PolicyTarget target) {
  const auto index = static_cast<std::size_t>(target);
  return index < target_words.size() ? target_words[index] : "unknown";
}

/// nullopt = not one of these words.
inline std::optional<PolicyTarget> target_of(std::string_view word) {
  const auto found = std::find(target_words.begin(), target_words.end(), word);
  if (found == target_words.end()) return std::nullopt;
  return static_cast<PolicyTarget>(found - target_words.begin());
}

}  // namespace tandem::cli
