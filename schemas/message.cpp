// The frame around a message: names, properties, body. What the properties mean is properties.cpp's.
#include "schemas/message.h"

#include "schemas/byte_order.h"

namespace tandem {

std::optional<MessageParts> parse_message(Bytes bytes) {
  MessageParts parts;
  ByteReader reader(bytes);
  std::uint32_t properties_size = 0;
  if (!reader.short_text(parts.exchange) || !reader.short_text(parts.routing_key)) return std::nullopt;
  if (!reader.little(properties_size) || !reader.bytes(properties_size, parts.properties))
    return std::nullopt;
  parts.body = reader.rest();
  return parts;
}

std::size_t message_size_bytes(const MessageParts& parts) {
  return 1 + parts.exchange.size() + 1 + parts.routing_key.size() + 4 + parts.properties.size() +
         parts.body.size();
}

void append_message(std::vector<std::byte>& out, const MessageParts& parts) {
  append_short_text(out, parts.exchange);
  append_short_text(out, parts.routing_key);
  append_little(out, static_cast<std::uint32_t>(parts.properties.size()));
  out.insert(out.end(), parts.properties.begin(), parts.properties.end());
  out.insert(out.end(), parts.body.begin(), parts.body.end());
}

}  // namespace tandem
