#include "broker/wire/amqp/content.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "broker/wire/amqp/fault.h"
#include "broker/wire/amqp/frame.h"
#include "broker/wire/amqp/methods.h"
#include "schemas/byte_order.h"

namespace tandem::wire::amqp {
namespace {

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

/// A message that came without properties still has its two octets of flags on the wire.
Bytes wire_properties(Bytes properties) {
  static constexpr std::byte none[2] = {};
  return properties.empty() ? Bytes(none) : properties;
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

/// What a text takes on the wire; longer ones are cut (Cursor::text).
std::size_t text_size(std::string_view text) {
  return 1 + std::min<std::size_t>(text.size(), std::numeric_limits<std::uint8_t>::max());
}

/// A method, a header and the body. `fields_size` is what `put_fields` writes behind class and method: all goes straight to where it
/// stays.
template <class PutFields>
void write_content(const ContentTarget& target, Method method, std::size_t fields_size, PutFields put_fields,
                   const MessageParts& message, const Owner& owner) {
  const Bytes properties = wire_properties(message.properties);
  const Bytes body = message.body;
  const std::size_t method_size = sizeof(std::uint32_t) + fields_size;
  const std::size_t header_size = content_header_size_bytes + properties.size();
  const bool at_once = body.size() < Outbox::reference_min_bytes &&
                       body.size() + frame_overhead_bytes <= target.frame_size_max_bytes;
  const bool with_body = at_once && !body.empty();
  const std::size_t heads_size = 2 * frame_overhead_bytes + method_size + header_size;
  Cursor cursor(target.outbox->extend(heads_size + (with_body ? body.size() + frame_overhead_bytes : 0)));
  cursor.frame(FrameType::method, target.channel, method_size).number(static_cast<std::uint32_t>(method));
  put_fields(cursor);
  cursor.end();
  cursor.frame(FrameType::header, target.channel, header_size);
  cursor.number(class_of(Method::basic_publish)).number(std::uint16_t{0}).number(std::uint64_t{body.size()});
  cursor.bytes(properties).end();
  if (with_body) cursor.frame(FrameType::body, target.channel, body.size()).bytes(body).end();
  if (!at_once) write_body_frames(target, body, owner);
}

}  // namespace

void write_deliver(const ContentTarget& target, const Delivery& delivery, const MessageParts& message,
                   const Owner& owner) {
  const std::size_t size = text_size(delivery.consumer_tag) + sizeof delivery.tag + 1 + text_size(message.exchange) +
                           text_size(message.routing_key);
  const auto put = [&](Cursor& fields) {
    fields.text(delivery.consumer_tag).number(delivery.tag).number(std::uint8_t{delivery.redelivered});
    fields.text(message.exchange).text(message.routing_key);
  };
  write_content(target, Method::basic_deliver, size, put, message, owner);
}

void write_get_ok(const ContentTarget& target, const Delivery& delivery, std::uint64_t ready,
                  const MessageParts& message, const Owner& owner) {
  const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(ready, std::numeric_limits<std::uint32_t>::max()));
  const std::size_t size = sizeof delivery.tag + 1 + text_size(message.exchange) + text_size(message.routing_key) + sizeof count;
  const auto put = [&](Cursor& fields) {
    fields.number(delivery.tag).number(std::uint8_t{delivery.redelivered});
    fields.text(message.exchange).text(message.routing_key).number(count);
  };
  write_content(target, Method::basic_get_ok, size, put, message, owner);
}

void write_return(const ContentTarget& target, const MessageParts& message, const Owner& owner) {
  constexpr std::string_view reason = "NO_ROUTE";
  const std::size_t size = sizeof(ReplyCode) + text_size(reason) + text_size(message.exchange) + text_size(message.routing_key);
  const auto put = [&](Cursor& fields) {
    fields.number(static_cast<std::uint16_t>(ReplyCode::no_route)).text(reason);
    fields.text(message.exchange).text(message.routing_key);
  };
  write_content(target, Method::basic_return, size, put, message, owner);
}

}  // namespace tandem::wire::amqp
