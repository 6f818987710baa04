// A topic's configuration as the Kafka protocol tells it: value, and where the value comes from.
#pragma once

#include <cstdint>
#include <string>

#include "broker/core/record.h"
#include "broker/core/topic_options.h"

namespace tandem::wire::kafka {

namespace config_source {
inline constexpr std::int8_t topic = 1, broker_start = 4, built_in = 5;
}

struct ConfigValue {
  std::string text;
  std::int8_t source = config_source::built_in;
};

inline ConfigValue config_value(const core::TopicCreated& topic, const core::TopicConfigKey& key) {
  for (const auto& [name, value] : topic.config)
    if (name == key.name) return {value, config_source::topic};
  return {std::string(key.default_value), config_source::built_in};
}

}  // namespace tandem::wire::kafka
