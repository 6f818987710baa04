#include "broker/core/topic_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "broker/base/limits.h"

namespace tandem::core {
namespace {

constexpr std::int64_t any_max = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t int_max = std::numeric_limits<std::int32_t>::max();
constexpr std::string_view forever = "9223372036854775807";
constexpr bool effect = true, no_effect = false;

using enum ConfigType;
constexpr TopicConfigKey keys[] = {
    {"cleanup.policy", list, "delete", 0, 0, "delete,compact", effect,
     "delete: old segments go by retention; compact: of each key the newest record stays"},
    {"compression.gzip.level", number, "-1", -1, 9, "", no_effect, "the codec's own default is used"},
    {"compression.lz4.level", number, "9", 1, 17, "", no_effect, "the codec's own default is used"},
    {"compression.type", text, "producer", 0, 0, "uncompressed,zstd,lz4,snappy,gzip,producer", effect,
     "how batches are kept; producer: as they come"},
    {"compression.zstd.level", number, "3", -131'072, 22, "", no_effect,
     "the codec's own default is used"},
    {"delete.retention.ms", number, "86400000", 0, any_max, "", effect,
     "how long compaction keeps tombstones and transaction markers after it has seen them first"},
    {"errors.deadletterqueue.group.enable", boolean, "false", 0, 0, "false", effect, "there are no share groups"},
    {"file.delete.delay.ms", number, "60000", 0, any_max, "", no_effect, "files go soon after the next checkpoint"},
    {"flush.messages", number, forever, 1, any_max, "", no_effect,
     "every append is synced before it is confirmed"},
    {"flush.ms", number, forever, 0, any_max, "", no_effect, "every append is synced before it is confirmed"},
    {"follower.replication.throttled.replicas", list, "", 0, 0, "", no_effect, "there is one replica"},
    {"index.interval.bytes", number, "4096", 0, int_max, "", no_effect, "the index has its own density"},
    {"leader.replication.throttled.replicas", list, "", 0, 0, "", no_effect, "there is one replica"},
    {"local.retention.bytes", number, "-2", -2, any_max, "", no_effect, "there is no remote tier"},
    {"local.retention.ms", number, "-2", -2, any_max, "", no_effect, "there is no remote tier"},
    {"max.compaction.lag.ms", number, forever, 1, any_max, "", effect,
     "age at which a closed segment is compacted, however little there is to compact"},
    {"max.message.bytes", number, "1048588", 0, static_cast<std::int64_t>(limits::batch_size_max_bytes), "",
     effect, "largest record batch that is taken, compressed as it is"},
    {"message.timestamp.after.max.ms", number, forever, 0, any_max, "", effect,
     "how far a batch's timestamps may be ahead of the broker's clock"},
    {"message.timestamp.before.max.ms", number, forever, 0, any_max, "", effect,
     "how far a batch's first timestamp may be behind the broker's clock"},
    {"message.timestamp.type", text, "CreateTime", 0, 0, "CreateTime,LogAppendTime", effect,
     "whose clock stamps the records: the producer's or the broker's"},
    {"min.cleanable.dirty.ratio", real, "0.5", 0, 1, "", effect,
     "share of a partition's closed segments that is not compacted yet, from which on it is"},
    {"min.compaction.lag.ms", number, "0", 0, any_max, "", effect,
     "age below which records are not compacted"},
    {"min.insync.replicas", number, "1", 1, int_max, "", no_effect,
     "there is one replica, and it is in sync"},
    {"preallocate", boolean, "false", 0, 0, "", no_effect, "the journal is always pre-written"},
    {"remote.copy.lag.bytes", number, "-1", -1, any_max, "", no_effect, "there is no remote tier"},
    {"remote.copy.lag.ms", number, "0", -1, any_max, "", no_effect, "there is no remote tier"},
    {"remote.log.copy.disable", boolean, "false", 0, 0, "", no_effect, "there is no remote tier"},
    {"remote.log.delete.on.disable", boolean, "false", 0, 0, "", no_effect, "there is no remote tier"},
    {"remote.storage.enable", boolean, "false", 0, 0, "false", effect, "there is no remote tier"},
    {"retention.bytes", number, "-1", -1, any_max, "", effect,
     "size of a partition above which its oldest segments go"},
    {"retention.ms", number, "604800000", -1, any_max, "", effect, "age at which segments go; -1 = never"},
    {"segment.bytes", number, "1073741824", 14, int_max, "", effect, "size at which a segment is full"},
    {"segment.index.bytes", number, "10485760", 4, int_max, "", no_effect,
     "the index grows with its segment"},
    {"segment.jitter.ms", number, "0", 0, any_max, "", no_effect,
     "segments are rolled by a checkpoint, not by a timer"},
    {"segment.ms", number, "604800000", 1, any_max, "", effect,
     "age at which a segment is closed though not full"},
    {"tandem.stream", boolean, "false", 0, 0, "", effect,
     "it was declared as a queue of type stream, and may be deleted like a queue"},
    {"unclean.leader.election.enable", boolean, "false", 0, 0, "", no_effect, "there is one replica"},
};

/// As Java's String.trim(): control characters are white space, too.
bool is_white(char c) {
  return static_cast<unsigned char>(c) <= ' ';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_white(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_white(text.back())) text.remove_suffix(1);
  return text;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string without_plus(std::string_view number) {
  const bool has_plus = number.size() > 1 && number[0] == '+' && is_digit(number[1]);
  return std::string(number.substr(has_plus ? 1 : 0));
}

std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

/// Calls `each` for every item of a comma separated list until it returns false; says whether all returned
/// true.
template <class Each>
bool all_items(std::string_view list, Each each) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (!each(trimmed(list.substr(0, comma)))) return false;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return true;
}

bool has_item(std::string_view list, std::string_view wanted) {
  return !all_items(list, [&](std::string_view item) { return item != wanted; });
}

template <class Number>
std::optional<Number> to_number(std::string_view text) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::optional<std::string> judge_number(const TopicConfigKey& key, std::string_view value) {
  const auto given = to_number<std::int64_t>(value);
  if (!given) return "not a whole number";
  if (*given >= key.min && *given <= key.max) return std::nullopt;
  return "must be from " + std::to_string(key.min) + " to " + std::to_string(key.max);
}

std::optional<std::string> judge_real(const TopicConfigKey& key, std::string_view value) {
  const auto given = to_number<double>(value);
  if (!given) return "not a number";
  if (*given >= static_cast<double>(key.min) && *given <= static_cast<double>(key.max)) return std::nullopt;
  return "must be from " + std::to_string(key.min) + " to " + std::to_string(key.max);
}

std::optional<std::string> judge_choice(const TopicConfigKey& key, std::string_view value) {
  if (key.choices.empty() || has_item(key.choices, value)) return std::nullopt;
  return "must be one of " + std::string(key.choices);
}

std::optional<std::string> judge_boolean(const TopicConfigKey& key, std::string_view value) {
  if (value != "true" && value != "false") return "must be true or false";
  return judge_choice(key, value);
}

std::optional<std::string> judge_list(const TopicConfigKey& key, std::string_view value) {
  if (key.choices.empty()) return std::nullopt;
  if (trimmed(value).empty()) return "must not be empty";
  const bool good = all_items(value, [&](std::string_view item) { return !judge_choice(key, item); });
  if (good) return std::nullopt;
  return "must be some of " + std::string(key.choices);
}

/// none for "producer".
std::optional<Codec> codec_named(std::string_view value) {
  if (value == "uncompressed") return Codec::none;
  for (const Codec codec : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd})
    if (value == name(codec)) return codec;
  return std::nullopt;
}

void take(TopicOptions& options, std::string_view key, std::string_view value) {
  const std::int64_t number_value = to_number<std::int64_t>(value).value_or(0);
  if (key == "cleanup.policy") {
    options.cleanup_by_deletion = has_item(value, "delete");
    options.cleanup_by_compaction = has_item(value, "compact");
  } else if (key == "retention.ms") {
    options.retention_ms = number_value;
  } else if (key == "retention.bytes") {
    options.retention_size_bytes = number_value;
  } else if (key == "segment.bytes") {
    options.segment_size_bytes = number_value;
  } else if (key == "segment.ms") {
    options.segment_ms = number_value;
  } else if (key == "max.message.bytes") {
    options.message_size_max_bytes = number_value;
  } else if (key == "message.timestamp.after.max.ms") {
    options.timestamp_ahead_max_ms = number_value;
  } else if (key == "message.timestamp.before.max.ms") {
    options.timestamp_behind_max_ms = number_value;
  } else if (key == "message.timestamp.type") {
    options.log_append_time = value == "LogAppendTime";
  } else if (key == "compression.type") {
    options.codec = codec_named(value);
  }
}

bool may_be_in_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '.' || c == '_' || c == '-';
}

}  // namespace

std::span<const TopicConfigKey> topic_config_keys() {
  return keys;
}

const TopicConfigKey* find_topic_config_key(std::string_view name) {
  const auto it =
      std::lower_bound(std::begin(keys), std::end(keys), name,
                       [](const TopicConfigKey& key, std::string_view wanted) { return key.name < wanted; });
  return it != std::end(keys) && it->name == name ? it : nullptr;
}

std::string plain_value(const TopicConfigKey& key, std::string_view value) {
  value = trimmed(value);
  if (key.type == boolean) return lower_case(std::string(value));
  return key.type == number || key.type == real ? without_plus(value) : std::string(value);
}

std::optional<std::string> judge_topic_config(const TopicConfigKey& key, std::string_view value) {
  switch (key.type) {
    case boolean:
      return judge_boolean(key, value);
    case number:
      return judge_number(key, value);
    case real:
      return judge_real(key, value);
    case text:
      return judge_choice(key, value);
    case list:
      return judge_list(key, value);
  }
  return std::nullopt;
}

TopicOptions parse_topic_options(const TopicConfig& config) {
  TopicOptions options;
  for (const auto& [name, value] : config) {
    const TopicConfigKey* key = find_topic_config_key(name);
    if (key && !judge_topic_config(*key, value)) take(options, name, value);
  }
  return options;
}

BatchRules batch_rules(const TopicOptions& options) {
  // Who fills its batches compresses text to a tenth, and a bomb to a thousandth. Whatever comes out is made by the thread
  // that everybody waits for, 128 MiB of it in half a second.
  constexpr std::int64_t plain_per_compressed_max = 32, plain_size_min_bytes = 1 << 20;
  const std::int64_t wanted = plain_per_compressed_max * options.message_size_max_bytes;
  const auto most = static_cast<std::int64_t>(decompressed_size_max_bytes);
  return {options.cleanup_by_compaction, options.codec,
          static_cast<std::size_t>(std::clamp(wanted, plain_size_min_bytes, most))};
}

std::optional<std::string> judge_topic_name(std::string_view name) {
  if (name.empty()) return "a topic's name must not be empty";
  if (name == "." || name == "..") return "a topic's name must not be \".\" or \"..\"";
  if (name.size() > limits::topic_name_size_max_bytes)
    return "a topic's name has at most " + std::to_string(limits::topic_name_size_max_bytes) + " characters";
  if (!std::all_of(name.begin(), name.end(), may_be_in_name))
    return "a topic's name has only letters, digits, '.', '_' and '-'";
  return std::nullopt;
}

}  // namespace tandem::core
