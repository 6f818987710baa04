// What a policy is for, as RabbitMQ's tools say it.
#pragma once

#include <optional>
#include <string_view>

#include "tandem/requests.h"

namespace tandem::cli {

inline const char* target_word(PolicyTarget target) {
  return target == PolicyTarget::queues ? "queues" : target == PolicyTarget::exchanges ? "exchanges" : "all";
}

/// classic_queues and quorum_queues are queues here too. nullopt = not one of these words.
inline std::optional<PolicyTarget> target_of(std::string_view word) {
  if (word == "queues" || word == "classic_queues" || word == "quorum_queues") return PolicyTarget::queues;
  if (word == "exchanges") return PolicyTarget::exchanges;
  if (word == "all") return PolicyTarget::all;
  return std::nullopt;
}

}  // namespace tandem::cli
