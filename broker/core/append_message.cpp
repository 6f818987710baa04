// Exchange → topic: a published message becomes a topic record, without a copy of its bytes.
#include "broker/core/append.h"
#include "broker/core/topic_verbs.h"
#include "schemas/murmur2.h"

namespace tandem::core {
namespace {

constexpr std::string_view argument_name = "x-key";
constexpr std::string_view header_prefix = "header:";

std::string_view key_rule(const Table* arguments) {
  const Value* value = arguments ? find(*arguments, argument_name) : nullptr;
  const std::string* text = value ? value->text() : nullptr;
  return text ? std::string_view(*text) : "routing-key";
}

std::optional<std::string> present(std::uint16_t flags, PropertyFlag flag, std::string_view text) {
  return flags & flag ? std::optional(std::string(text)) : std::nullopt;
}

std::optional<std::string> header_key(const PropertyGlance& properties, std::string_view name) {
  if (properties.headers.empty()) return std::nullopt;
  const std::optional<Table> headers = decode_table(properties.headers);
  const Value* value = headers ? find(*headers, name) : nullptr;
  if (!value) return std::nullopt;
  return value->text() ? *value->text() : to_text(*value);
}

/// nullopt: the routing key is the record's key.
std::optional<std::string> chosen_key(std::string_view rule, const PropertyGlance& properties) {
  if (rule == "message-id") return present(properties.flags, flag_message_id, properties.message_id);
  if (rule == "correlation-id")
    return present(properties.flags, flag_correlation_id, properties.correlation_id);
  if (rule.starts_with(header_prefix)) return header_key(properties, rule.substr(header_prefix.size()));
  return std::nullopt;
}

}  // namespace

bool is_too_large(const Topic& topic, const MessageView& message) {
  return message.size_bytes > topic.options.message_size_max_bytes;
}

std::optional<std::string> judge_topic_binding(const Table* arguments) {
  const Value* value = arguments ? find(*arguments, argument_name) : nullptr;
  if (!value) return std::nullopt;
  const std::string* text = value->text();
  if (!text) return "must be text";
  const bool known = *text == "routing-key" || *text == "message-id" || *text == "correlation-id" ||
                     (text->starts_with(header_prefix) && text->size() > header_prefix.size());
  if (known) return std::nullopt;
  return "must be routing-key, message-id, correlation-id or header:<name>";
}

bool append_message(Turn& turn, TopicId topic_id, const MessageView& message,
                    const Table* binding_arguments) {
  const Topic* topic = turn.state().topics.find(topic_id);
  if (!topic) return true;
  if (is_too_large(*topic, message)) return false;
  std::optional<std::string> key = chosen_key(key_rule(binding_arguments), message.properties);
  const std::string_view key_text = key ? std::string_view(*key) : message.routing_key;
  const PartitionIndex index = partition_of_key(bytes_of(key_text), topic->facts.partitions);

  Appended record;
  record.partition = {topic_id, index};
  record.base_offset = topic->partitions[static_cast<std::size_t>(index)].end;
  record.body = message.body;
  record.size_bytes = message.size_bytes;
  record.form = AppendedForm::message;
  record.max_timestamp = turn.now();
  record.has_key = key.has_value();
  if (key) record.key = std::move(*key);
  record_append(turn, std::move(record));
  return true;
}

}  // namespace tandem::core
