// The stored form of a message and its properties: what a publisher sends is what the journal keeps and what a
// consumer reads, without re-encoding (docs/disk_format.md, "Message").
//
//   message  = exchange_size u8, exchange, routing_key_size u8, routing_key,
//              properties_size u32 (little endian), properties, body
//   properties = AMQP 0-9-1 content header from its property flags on: flags u16, then the present properties
//
// Depends on std only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/value.h"

namespace tandem {

using Bytes = std::span<const std::byte>;

inline Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The parts of a stored message; views into the bytes given to parse_message.
struct MessageParts {
  std::string_view exchange;
  std::string_view routing_key;
  Bytes properties;
  Bytes body;
};

/// nullopt when `bytes` is not a whole message.
std::optional<MessageParts> parse_message(Bytes bytes);
/// Appends the stored form to `out`. exchange and routing_key must be at most 255 bytes.
void append_message(std::vector<std::byte>& out, const MessageParts& parts);
/// Size of the stored form in bytes.
std::size_t message_size_bytes(const MessageParts& parts);

/// AMQP basic properties, decoded. An absent property is nullopt.
struct Properties {
  std::optional<std::string> content_type;
  std::optional<std::string> content_encoding;
  std::optional<Table> headers;
  std::optional<std::uint8_t> delivery_mode;  // 2 = persistent, anything else = transient
  std::optional<std::uint8_t> priority;
  std::optional<std::string> correlation_id;
  std::optional<std::string> reply_to;
  std::optional<std::string> expiration;  // milliseconds as decimal text
  std::optional<std::string> message_id;
  std::optional<std::int64_t> timestamp;  // seconds since 1970
  std::optional<std::string> type;
  std::optional<std::string> user_id;
  std::optional<std::string> app_id;
  std::optional<std::string> cluster_id;
  friend bool operator==(const Properties&, const Properties&) = default;
};

/// Property flag bits as they stand in the first two octets (AMQP 0-9-1, 4.2.6.1).
enum PropertyFlag : std::uint16_t {
  flag_content_type = 1 << 15, flag_content_encoding = 1 << 14, flag_headers = 1 << 13,
  flag_delivery_mode = 1 << 12, flag_priority = 1 << 11, flag_correlation_id = 1 << 10, flag_reply_to = 1 << 9,
  flag_expiration = 1 << 8, flag_message_id = 1 << 7, flag_timestamp = 1 << 6, flag_type = 1 << 5,
  flag_user_id = 1 << 4, flag_app_id = 1 << 3, flag_cluster_id = 1 << 2,
};

/// nullopt when malformed (truncated, unknown field type, tables nested deeper than 32).
std::optional<Properties> decode_properties(Bytes encoded);
void append_properties(std::vector<std::byte>& out, const Properties& properties);

/// The few properties that routing and queues look at, found in one pass without allocation. Views into `encoded`.
struct PropertyGlance {
  std::uint16_t flags = 0;
  bool persistent = false;
  std::uint8_t priority = 0;
  std::string_view expiration;
  std::string_view user_id;
  std::string_view reply_to;
  std::string_view correlation_id;
  std::string_view message_id;
  std::string_view timestamp;  // its eight octets as they came; empty when absent
  Bytes headers;  // the field table with its u32 length; empty when absent
};
std::optional<PropertyGlance> glance_properties(Bytes encoded);

/// Field tables and arrays as RabbitMQ reads and writes them; big endian, u32 byte length in front.
/// `consumed` gets the number of bytes read. nullopt when malformed or nested deeper than 32.
std::optional<Table> decode_table(Bytes encoded, std::size_t* consumed = nullptr);
void append_table(std::vector<std::byte>& out, const Table& table);

}  // namespace tandem
