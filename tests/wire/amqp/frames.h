// AMQP frames for tests: made from method rows, and shown as one line of text each.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "broker/wire/amqp/codec.h"
#include "broker/wire/amqp/frame.h"
#include "schemas/byte_order.h"

namespace tandem::wire::amqp::test {

using Buffer = std::vector<std::byte>;

inline void add(Buffer& out, Bytes bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

inline Buffer method_frame(std::uint16_t channel, Method method, std::initializer_list<FieldValue> values) {
  Buffer out;
  append_method(out, channel, method, values);
  return out;
}

inline Buffer raw_frame(std::uint8_t type, std::uint16_t channel, Bytes payload, std::byte end = frame_end) {
  Buffer out;
  append_big(out, type);
  append_big(out, channel);
  append_big(out, static_cast<std::uint32_t>(payload.size()));
  add(out, payload);
  out.push_back(end);
  return out;
}

inline Buffer header_frame(std::uint16_t channel, std::uint64_t body_size, const Properties& properties = {},
                           std::uint16_t class_id = 60) {
  Buffer payload;
  append_big(payload, class_id);
  append_big(payload, std::uint16_t{0});
  append_big(payload, body_size);
  append_properties(payload, properties);
  return raw_frame(2, channel, payload);
}

inline Buffer body_frame(std::uint16_t channel, std::string_view body) {
  return raw_frame(3, channel, bytes_of(body));
}

/// basic.publish, header and body frame.
inline Buffer publish_frames(std::uint16_t channel, std::string_view exchange, std::string_view key,
                             std::string_view body, const Properties& properties = {},
                             bool mandatory = false) {
  Buffer out = method_frame(channel, Method::basic_publish, {exchange, key, mandatory, false});
  add(out, header_frame(channel, body.size(), properties));
  if (!body.empty()) add(out, body_frame(channel, body));
  return out;
}

inline Buffer encoded_table(const Table& table) {
  Buffer out;
  append_table(out, table);
  return out;
}

/// "1 queue.declare-ok queue=q message-count=0 consumer-count=0", "1 header size=2", "1 body 'hi'", "0
/// heartbeat".
std::string shown(const Frame& frame);
/// All frames of `bytes`, one line each. What is not whole is shown as "… n bytes".
std::vector<std::string> shown_frames(Bytes bytes);

}  // namespace tandem::wire::amqp::test
