#include "broker/core/topic_config.h"

#include <algorithm>

#include "broker/base/check.h"
#include "broker/core/topic_refusal.h"

namespace tandem::core {
namespace {

TopicConfig::iterator place_of(TopicConfig& config, std::string_view key) {
  return std::lower_bound(config.begin(), config.end(), key,
                          [](const auto& entry, std::string_view wanted) { return entry.first < wanted; });
}

}  // namespace

std::optional<Refusal> judge_topic_config(std::string_view topic, std::span<const TopicConfigEntry> set,
                                          std::span<const std::string_view> remove) {
  for (const TopicConfigEntry& entry : set) {
    const TopicConfigKey* key = find_topic_config_key(entry.key);
    if (!key) return topic_argument_refusal(topic, entry.key, "unknown topic configuration");
    if (auto fault = judge_topic_config(*key, plain_value(*key, entry.value))) {
      Refusal refusal = topic_argument_refusal(topic, entry.key, std::move(*fault));
      refusal.received = entry.value;
      return refusal;
    }
  }
  for (const std::string_view key : remove)
    if (!find_topic_config_key(key)) return topic_argument_refusal(topic, key, "unknown topic configuration");
  return std::nullopt;
}

void change_topic_config(TopicConfig& config, std::span<const TopicConfigEntry> set,
                         std::span<const std::string_view> remove) {
  for (const TopicConfigEntry& entry : set) {
    const TopicConfigKey* key = find_topic_config_key(entry.key);
    CHECK(key);  // it was judged
    const auto place = place_of(config, entry.key);
    if (place != config.end() && place->first == entry.key)
      place->second = plain_value(*key, entry.value);
    else
      config.emplace(place, entry.key, plain_value(*key, entry.value));
  }
  for (const std::string_view key : remove)
    std::erase_if(config, [&](const auto& entry) { return entry.first == key; });
}

}  // namespace tandem::core
