// Writes a method that carries content: method frame, content header frame, body frames. Small messages
// become one copy into the outbox; the bytes of large ones are referenced where they lie.
#pragma once

#include <cstdint>

#include "broker/wire/face.h"
#include "schemas/message.h"

namespace tandem::wire::amqp {

struct Delivery {
  std::string_view consumer_tag;
  DeliveryTag tag = 0;
  bool redelivered = false;
};

/// Where and how content is written.
struct ContentTarget {
  Outbox* outbox = nullptr;
  std::uint16_t channel = 0;
  std::uint32_t frame_size_max_bytes = 0;  // negotiated; at least 4096
};

void write_deliver(const ContentTarget& target, const Delivery& delivery, const MessageParts& message,
                   const Owner& owner);
void write_get_ok(const ContentTarget& target, const Delivery& delivery, std::uint64_t ready,
                  const MessageParts& message, const Owner& owner);
/// basic.return of a mandatory message that no queue took.
void write_return(const ContentTarget& target, const MessageParts& message, const Owner& owner);

}  // namespace tandem::wire::amqp
