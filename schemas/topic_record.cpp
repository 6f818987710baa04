#include "schemas/topic_record.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <string>

namespace tandem {
namespace {

constexpr std::string_view header_exchange = "x-exchange", header_routing_key = "x-routing-key",
                           header_record_key = "x-record-key", header_record_null = "x-record-null",
                           header_empty_table = "x-amqp-headers", property_prefix = "x-amqp-",
                           escape_prefix = "x-amqp-header-";
constexpr std::size_t short_text_size_max_bytes = 255;

using TextProperty = std::optional<std::string> Properties::*;
struct NamedTextProperty {
  std::string_view header;
  TextProperty member;
};
constexpr std::array text_properties{
    NamedTextProperty{"x-amqp-content-type", &Properties::content_type},
    NamedTextProperty{"x-amqp-content-encoding", &Properties::content_encoding},
    NamedTextProperty{"x-amqp-correlation-id", &Properties::correlation_id},
    NamedTextProperty{"x-amqp-reply-to", &Properties::reply_to},
    NamedTextProperty{"x-amqp-expiration", &Properties::expiration},
    NamedTextProperty{"x-amqp-message-id", &Properties::message_id},
    NamedTextProperty{"x-amqp-type", &Properties::type},
    NamedTextProperty{"x-amqp-user-id", &Properties::user_id},
    NamedTextProperty{"x-amqp-app-id", &Properties::app_id},
    NamedTextProperty{"x-amqp-cluster-id", &Properties::cluster_id},
};
constexpr std::string_view header_delivery_mode = "x-amqp-delivery-mode", header_priority = "x-amqp-priority",
                           header_timestamp = "x-amqp-timestamp";

bool is_reserved(std::string_view name) {
  return name.starts_with(property_prefix) || name == header_exchange || name == header_routing_key ||
         name == header_record_key || name == header_record_null;
}

// --- message → record
// ------------------------------------------------------------------------------------------------

/// The headers of one record, with the texts that had to be made for them.
class HeaderList {
 public:
  void add(std::string_view key, std::string_view value) { headers_.push_back({key, bytes_of(value)}); }
  void add_made(std::string_view key, std::string value) { add(key, keep(std::move(value))); }
  void add_entry(const std::string& name, const Value& value);
  std::span<const RecordHeader> view() const { return headers_; }

 private:
  std::string_view keep(std::string text) { return made_.emplace_back(std::move(text)); }

  std::vector<RecordHeader> headers_;
  std::deque<std::string> made_;  // a deque: what it holds does not move
};

std::string typed_text(const Value& value) {
  std::vector<std::byte> encoded{std::byte{0}};
  append_table(encoded, Table{{"", value}});
  return std::string(text_of(encoded));
}

/// The value that typed_text() wrote, or else the text itself.
Value value_of(const std::optional<Bytes>& bytes) {
  if (!bytes) return Value{};
  const Bytes encoded = *bytes;
  if (!encoded.empty() && encoded.front() == std::byte{0}) {
    std::size_t consumed = 0;
    auto table = decode_table(encoded.subspan(1), &consumed);
    if (table && consumed + 1 == encoded.size() && table->size() == 1 && table->front().first.empty() &&
        typed_text(table->front().second) == text_of(encoded))
      return std::move(table->front().second);
  }
  return Value(text_of(encoded));
}

/// Whether the text itself can be written: it is read back as this text.
bool is_plain(const std::string& text) {
  return value_of(bytes_of(text)) == Value(text);
}

void HeaderList::add_entry(const std::string& name, const Value& value) {
  const std::string_view key =
      is_reserved(name) ? keep(std::string(escape_prefix) + name) : std::string_view(name);
  const std::string* text = value.text();
  if (value.type == ValueType::nothing)
    headers_.push_back({key, std::nullopt});
  else if (text != nullptr && is_plain(*text))
    add(key, *text);
  else
    add_made(key, typed_text(value));
}

void add_properties(HeaderList& headers, const Properties& properties) {
  for (const auto& [header, member] : text_properties)
    if (const auto& text = properties.*member) headers.add(header, *text);
  if (properties.delivery_mode)
    headers.add_made(header_delivery_mode, std::to_string(*properties.delivery_mode));
  if (properties.priority) headers.add_made(header_priority, std::to_string(*properties.priority));
  if (properties.timestamp) headers.add_made(header_timestamp, std::to_string(*properties.timestamp));
}

/// Takes `x-record-key` and `x-record-null` out of the table: they were a record's facts before it was a
/// message.
struct RecordFacts {
  bool has_key = false;
  std::optional<std::string> key;
  bool null_value = false;
};
RecordFacts take_record_facts(Table& table) {
  RecordFacts facts;
  std::erase_if(table, [&facts](const auto& entry) {
    const auto& [name, value] = entry;
    if (name == header_record_key && (value.text() != nullptr || value.type == ValueType::nothing)) {
      facts.has_key = true;
      if (value.text() != nullptr) facts.key = *value.text();
      return true;
    }
    if (name == header_record_null && value.type == ValueType::nothing) return facts.null_value = true;
    return false;
  });
  return facts;
}

// --- record → message
// ------------------------------------------------------------------------------------------------

template <class Number>
bool parse_decimal(std::string_view text, std::optional<Number>& number) {
  Number parsed{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (error != std::errc{} || end != text.data() + text.size()) return false;
  number = parsed;
  return true;
}

bool was_message(const RecordView& record) {
  return std::any_of(record.headers.begin(), record.headers.end(), [](const RecordHeader& header) {
    return header.key == header_exchange && header.value && header.value->size() <= short_text_size_max_bytes;
  });
}

/// Sorts the headers of a record that was a message into the message's parts. What is not as add_message()
/// writes it is an entry of the headers table like any other.
class MessageGatherer {
 public:
  void take(const RecordHeader& header) {
    const std::string_view text = header.value ? text_of(*header.value) : std::string_view{};
    if (text.size() <= short_text_size_max_bytes && take_known(header.key, text)) return;
    const bool escaped = header.key.starts_with(escape_prefix);
    table.emplace_back(escaped ? header.key.substr(escape_prefix.size()) : header.key,
                       value_of(header.value));
  }

  Properties properties;
  Table table;
  bool empty_table = false;
  std::string_view exchange, routing_key;

 private:
  bool take_known(std::string_view name, std::string_view text) {
    if (name == header_exchange) return exchange = text, true;
    if (name == header_routing_key) return routing_key = text, true;
    if (name == header_delivery_mode) return parse_decimal(text, properties.delivery_mode);
    if (name == header_priority) return parse_decimal(text, properties.priority);
    if (name == header_timestamp) return parse_decimal(text, properties.timestamp);
    if (name == header_empty_table) return empty_table = true;
    const auto* property = std::find_if(text_properties.begin(), text_properties.end(),
                                        [name](const auto& known) { return known.header == name; });
    if (property == text_properties.end()) return false;
    properties.*property->member = std::string(text);
    return true;
  }
};

/// A record of a topic's own producer: all its headers are the message's, and so are the facts that a message
/// has not.
void take_plain_record(MessageGatherer& parts, const RecordView& record) {
  for (const RecordHeader& header : record.headers)
    parts.table.emplace_back(header.key, value_of(header.value));
  if (!record.key)
    parts.table.emplace_back(header_record_key, Value{});
  else if (record.key->size() > short_text_size_max_bytes)
    parts.table.emplace_back(header_record_key, Value(text_of(*record.key)));
  else
    parts.routing_key = text_of(*record.key);
  if (!record.value) parts.table.emplace_back(header_record_null, Value{});
}

}  // namespace

Result<> add_message(BatchBuilder& batch, Bytes message, std::int64_t timestamp,
                     std::optional<std::string_view> key) {
  const auto parts = parse_message(message);
  if (!parts) return Error{ErrorCode::corrupt, "topic record: not a whole message"};
  auto properties = decode_properties(parts->properties);
  if (!properties) return Error{ErrorCode::corrupt, "topic record: the message's properties are malformed"};

  Table table = properties->headers.value_or(Table{});
  const bool was_record =
      find(table, header_record_key) != nullptr || find(table, header_record_null) != nullptr;
  HeaderList headers;
  headers.add(header_exchange, parts->exchange);
  headers.add(header_routing_key, parts->routing_key);
  add_properties(headers, *properties);
  RecordFacts facts;
  if (was_record) facts = take_record_facts(table);
  if (properties->headers && properties->headers->empty()) headers.add(header_empty_table, {});
  for (const auto& [name, value] : table) headers.add_entry(name, value);

  std::optional<Bytes> record_key = bytes_of(parts->routing_key);
  if (facts.has_key) record_key = facts.key ? std::optional(bytes_of(*facts.key)) : std::nullopt;
  if (key) record_key = bytes_of(*key);
  batch.add(timestamp, record_key, facts.null_value ? std::nullopt : std::optional(parts->body),
            headers.view());
  return Done{};
}

std::vector<std::byte> message_of(const RecordView& record) {
  MessageGatherer parts;
  if (was_message(record))
    for (const RecordHeader& header : record.headers) parts.take(header);
  else
    take_plain_record(parts, record);
  if (!parts.table.empty() || parts.empty_table) parts.properties.headers = std::move(parts.table);
  std::vector<std::byte> properties;
  append_properties(properties, parts.properties);
  std::vector<std::byte> message;
  append_message(message, {parts.exchange, parts.routing_key, properties, record.value.value_or(Bytes{})});
  return message;
}

}  // namespace tandem
