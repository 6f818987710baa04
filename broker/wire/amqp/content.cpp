#include "broker/wire/amqp/content.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "broker/wire/amqp/fault.h"
#include "broker/wire/amqp/frame.h"
#include "broker/wire/amqp/methods.h"
#include "schemas/byte_order.h"

namespace tandem::wire::amqp {
namespace {

constexpr std::uint16_t basic_class = 60;

/// Writes forward into room that was made before. These methods are the hot ones, so they do not go through
/// the generic codec; tests hold both against each other.
class Cursor {
 public:
  explicit Cursor(std::byte* at) : at_(at) {}
  template <std::unsigned_integral T>
  Cursor& number(T value) {
    store_big(at_, value);
    at_ += sizeof value;
    return *this;
  }
  Cursor& text(std::string_view text) {
    text = text.substr(0, std::numeric_limits<std::uint8_t>::max());
    number(static_cast<std::uint8_t>(text.size()));
    return bytes(bytes_of(text));
  }
  Cursor& bytes(Bytes bytes) {
    if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
    return *this;
  }
  Cursor& frame(FrameType type, std::uint16_t channel, std::size_t payload_size) {
    return number(static_cast<std::uint8_t>(type))
        .number(channel)
        .number(static_cast<std::uint32_t>(payload_size));
  }
  Cursor& end() {
    *at_++ = frame_end;
    return *this;
  }
  std::byte* at() const { return at_; }

 private:
  std::byte* at_;
};

/// Payload of a method with content: three short strings and 18 octets at most.
class MethodPayload {
 public:
  explicit MethodPayload(Method method) { cursor_.number(static_cast<std::uint32_t>(method)); }
  Cursor& fields() { return cursor_; }
  Bytes bytes() const { return {room_.data(), static_cast<std::size_t>(cursor_.at() - room_.data())}; }

 private:
  std::array<std::byte, 4 + 3 * 256 + 18> room_;
  Cursor cursor_{room_.data()};
};

/// A message that came without properties still has its two octets of flags on the wire.
Bytes wire_properties(Bytes properties) {
  static constexpr std::byte none[2] = {};
  return properties.empty() ? Bytes(none) : properties;
}

void write_heads(Cursor& cursor, std::uint16_t channel, Bytes method, Bytes properties,
                 std::size_t body_size) {
  cursor.frame(FrameType::method, channel, method.size()).bytes(method).end();
  cursor.frame(FrameType::header, channel, content_header_size_bytes + properties.size());
  cursor.number(basic_class).number(std::uint16_t{0}).number(std::uint64_t{body_size});
  cursor.bytes(properties).end();
}

void write_body_frames(const ContentTarget& target, Bytes body, const Owner& owner) {
  const std::size_t chunk_max = target.frame_size_max_bytes - frame_overhead_bytes;
  while (!body.empty()) {
    const Bytes chunk = body.first(std::min(chunk_max, body.size()));
    Cursor(target.outbox->extend(frame_header_size_bytes))
        .frame(FrameType::body, target.channel, chunk.size());
    target.outbox->write_owned(chunk, owner);
    *target.outbox->extend(1) = frame_end;
    body = body.subspan(chunk.size());
  }
}

void write_content(const ContentTarget& target, Bytes method, const MessageParts& message,
                   const Owner& owner) {
  const Bytes properties = wire_properties(message.properties);
  const Bytes body = message.body;
  const std::size_t heads_size =
      2 * frame_overhead_bytes + method.size() + content_header_size_bytes + properties.size();
  const bool at_once = body.size() < Outbox::reference_min_bytes &&
                       body.size() + frame_overhead_bytes <= target.frame_size_max_bytes;
  const bool with_body = at_once && !body.empty();
  Cursor cursor(target.outbox->extend(heads_size + (with_body ? body.size() + frame_overhead_bytes : 0)));
  write_heads(cursor, target.channel, method, properties, body.size());
  if (with_body) cursor.frame(FrameType::body, target.channel, body.size()).bytes(body).end();
  if (!at_once) write_body_frames(target, body, owner);
}

}  // namespace

void write_deliver(const ContentTarget& target, const Delivery& delivery, const MessageParts& message,
                   const Owner& owner) {
  MethodPayload method(Method::basic_deliver);
  method.fields().text(delivery.consumer_tag).number(delivery.tag).number(std::uint8_t{delivery.redelivered});
  method.fields().text(message.exchange).text(message.routing_key);
  write_content(target, method.bytes(), message, owner);
}

void write_get_ok(const ContentTarget& target, const Delivery& delivery, std::uint64_t ready,
                  const MessageParts& message, const Owner& owner) {
  constexpr std::uint64_t count_max = std::numeric_limits<std::uint32_t>::max();
  MethodPayload method(Method::basic_get_ok);
  method.fields().number(delivery.tag).number(std::uint8_t{delivery.redelivered});
  method.fields().text(message.exchange).text(message.routing_key);
  method.fields().number(static_cast<std::uint32_t>(std::min(ready, count_max)));
  write_content(target, method.bytes(), message, owner);
}

void write_return(const ContentTarget& target, const MessageParts& message, const Owner& owner) {
  MethodPayload method(Method::basic_return);
  method.fields().number(static_cast<std::uint16_t>(ReplyCode::no_route)).text("NO_ROUTE");
  method.fields().text(message.exchange).text(message.routing_key);
  write_content(target, method.bytes(), message, owner);
}

}  // namespace tandem::wire::amqp
