// Changes of a topic's configuration as they are asked for.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "broker/core/input.h"
#include "broker/core/topic_options.h"

namespace tandem::core {

/// Refused (invalid_argument, naming the key): an unknown key or a value that its key does not take.
std::optional<Refusal> judge_topic_config(std::string_view topic, std::span<const TopicConfigEntry> set,
                                          std::span<const std::string_view> remove);

/// Of several entries for one key the last one counts.
void change_topic_config(TopicConfig& config, std::span<const TopicConfigEntry> set,
                         std::span<const std::string_view> remove);

}  // namespace tandem::core
