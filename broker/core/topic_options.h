// A topic's configuration: what its text entries mean. Keys, defaults and value rules are Kafka's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/core/vocabulary.h"
#include "schemas/compression.h"

namespace tandem::core {

using TopicConfig = std::vector<std::pair<std::string, std::string>>;  // sorted by key, each key once

/// The entries that decide something here or in storage, parsed. Defaults are those of topic_config_keys().
struct TopicOptions {
  bool cleanup_by_deletion = true;  // cleanup.policy has "delete"
  bool cleanup_by_compaction = false;
  DurationMs retention_ms = 604'800'000;   // -1 = forever
  std::int64_t retention_size_bytes = -1;  // per partition; -1 = any
  std::int64_t segment_size_bytes = 1 << 30;
  DurationMs segment_ms = 604'800'000;
  std::int64_t message_size_max_bytes = 1'048'588;  // of one record batch
  DurationMs timestamp_ahead_max_ms = INT64_MAX;    // of a batch, against the broker's clock
  DurationMs timestamp_behind_max_ms = INT64_MAX;
  bool log_append_time = false;
  std::optional<Codec> codec;  // compression.type; none: as the producer has it
};

/// What a face has to see to before a batch for the topic comes to the core.
struct BatchRules {
  bool needs_keys = false;     // it is compacted: BatchView::lacks_key must be told
  std::optional<Codec> codec;  // how its batches are kept; none: as the producer has them
  std::size_t plain_size_max_bytes = decompressed_size_max_bytes;  // of records that have to be decompressed
  bool operator==(const BatchRules&) const = default;
};

/// Of a topic with these options.
BatchRules batch_rules(const TopicOptions& options);

enum class ConfigType : std::uint8_t { boolean, number, real, text, list };

struct TopicConfigKey {
  std::string_view name;
  ConfigType type = ConfigType::text;
  std::string_view default_value;
  std::int64_t min = 0, max = 0;  // of a number
  std::string_view choices;       // of a text or list: comma separated; "" = any
  bool has_effect = true;  // false: accepted, since tools set it, and kept, but nothing here depends on it
  std::string_view explanation;  // one line for people
};

/// Every key that is known, by name ascending. Lives for ever.
std::span<const TopicConfigKey> topic_config_keys();
/// nullptr when unknown.
const TopicConfigKey* find_topic_config_key(std::string_view name);

/// The value as it is kept. Kafka's rules: white space around it, the case of a boolean and a number's "+" do not count.
std::string plain_value(const TopicConfigKey& key, std::string_view value);
/// What is wrong with the plain value, for people; nullopt when it is good.
std::optional<std::string> judge_topic_config(const TopicConfigKey& key, std::string_view value);

/// Only for entries that were judged good; the others leave the default.
TopicOptions parse_topic_options(const TopicConfig& config);

/// Why a topic may not have this name (Kafka's rules); nullopt when it may.
std::optional<std::string> judge_topic_name(std::string_view name);

}  // namespace tandem::core
