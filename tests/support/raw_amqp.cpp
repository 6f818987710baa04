#include "tests/support/raw_amqp.h"

#include <algorithm>

#include "schemas/byte_order.h"

namespace tandem::support {
namespace {

constexpr std::uint8_t frame_method = 1, frame_header = 2, frame_body = 3, frame_heartbeat = 8;
constexpr std::byte frame_end{0xCE};
constexpr std::size_t frame_size_max_bytes = 131'072;
constexpr std::uint8_t requeue_bit = 2;  // of basic.nack: multiple is 1

void append_text(std::vector<std::byte>& out, std::string_view text) {
  const Bytes bytes = bytes_of(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_long_text(std::vector<std::byte>& out, std::string_view text) {
  append_big(out, static_cast<std::uint32_t>(text.size()));
  append_text(out, text);
}

}  // namespace

RawAmqp::RawAmqp(std::uint16_t port) : socket_(port) {
  opened_ = socket_.open() && handshake();
}

bool RawAmqp::handshake() {
  std::vector<std::byte> start_ok, tune_ok, open;
  append_big(start_ok, std::uint32_t{0});  // client-properties: none
  append_short_text(start_ok, "PLAIN");
  append_long_text(start_ok, std::string_view("\0guest\0guest", 12));
  append_short_text(start_ok, "en_US");
  append_big(tune_ok, std::uint16_t{1});
  append_big(tune_ok, static_cast<std::uint32_t>(frame_size_max_bytes));
  append_big(tune_ok, std::uint16_t{0});
  append_short_text(open, "/");
  append_big(open, std::uint16_t{0});  // two reserved fields
  const char greeting[] = {'A', 'M', 'Q', 'P', 0, 0, 9, 1};
  return socket_.write(bytes_of(std::string_view(greeting, sizeof greeting))) && await(10, 10) &&
         send_method(0, 10, 11, start_ok) && await(10, 30) && send_method(0, 10, 31, tune_ok) &&
         send_method(0, 10, 40, open) && await(10, 41) && call(20, 10, {0}, 11);
}

// --- frames ----------------------------------------------------------------------------------------------

bool RawAmqp::send_frame(std::uint8_t type, std::uint16_t channel, Bytes payload) {
  std::vector<std::byte> frame;
  append_big(frame, type);
  append_big(frame, channel);
  append_big(frame, static_cast<std::uint32_t>(payload.size()));
  frame.insert(frame.end(), payload.begin(), payload.end());
  frame.push_back(frame_end);
  return socket_.write(frame);
}

bool RawAmqp::send_method(std::uint16_t channel, std::uint16_t class_id, std::uint16_t method_id, Bytes arguments) {
  std::vector<std::byte> payload;
  append_big(payload, class_id);
  append_big(payload, method_id);
  payload.insert(payload.end(), arguments.begin(), arguments.end());
  return send_frame(frame_method, channel, payload);
}

bool RawAmqp::read_frame(Frame& frame) {
  std::vector<std::byte> head;
  do {
    if (!socket_.read(head, 7)) return false;
    frame.type = load_big<std::uint8_t>(head.data());
    const auto size = load_big<std::uint32_t>(head.data() + 3);
    if (size > frame_size_max_bytes || !socket_.read(frame.payload, size + 1)) return false;
    if (frame.payload.back() != frame_end) return false;
    frame.payload.pop_back();
  } while (frame.type == frame_heartbeat);
  if (frame.type != frame_method) return true;
  if (frame.payload.size() < 4) return false;
  frame.class_id = load_big<std::uint16_t>(frame.payload.data());
  frame.method_id = load_big<std::uint16_t>(frame.payload.data() + 2);
  frame.payload.erase(frame.payload.begin(), frame.payload.begin() + 4);
  const bool closes = (frame.class_id == 10 && frame.method_id == 50) || (frame.class_id == 20 && frame.method_id == 40);
  return !closes;
}

bool RawAmqp::await(std::uint16_t class_id, std::uint16_t method_id) {
  Frame frame;
  while (read_frame(frame)) {
    if (frame.type == frame_method && frame.class_id == class_id && frame.method_id == method_id) return true;
    if (auto event = event_of(frame)) early_.push_back(std::move(*event));
  }
  return false;
}

bool RawAmqp::call(std::uint16_t class_id, std::uint16_t method_id, const std::vector<std::uint8_t>& arguments,
                   std::uint16_t answer) {
  return send_method(1, class_id, method_id, std::as_bytes(std::span(arguments))) && await(class_id, answer);
}

// --- messages --------------------------------------------------------------------------------------------

bool RawAmqp::qos(std::uint16_t prefetch) {
  std::vector<std::byte> arguments;
  append_big(arguments, std::uint32_t{0});
  append_big(arguments, prefetch);
  append_big(arguments, std::uint8_t{0});
  return send_method(1, 60, 10, arguments) && await(60, 11);
}

bool RawAmqp::consume(std::string_view queue) {
  std::vector<std::byte> arguments;
  append_big(arguments, std::uint16_t{0});
  append_short_text(arguments, queue);
  append_short_text(arguments, "raw");
  append_big(arguments, std::uint8_t{0});   // with acks
  append_big(arguments, std::uint32_t{0});  // no table
  return send_method(1, 60, 20, arguments) && await(60, 21);
}

bool RawAmqp::publish(std::string_view exchange, std::string_view routing_key, std::string_view body) {
  std::vector<std::byte> arguments, header;
  append_big(arguments, std::uint16_t{0});
  append_short_text(arguments, exchange);
  append_short_text(arguments, routing_key);
  append_big(arguments, std::uint8_t{0});
  append_big(header, std::uint16_t{60});
  append_big(header, std::uint16_t{0});
  append_big(header, std::uint64_t{body.size()});
  append_big(header, std::uint16_t{0x1000});  // delivery-mode is there
  append_big(header, std::uint8_t{2});        // persistent
  if (!send_method(1, 60, 40, arguments) || !send_frame(frame_header, 1, header)) return false;
  for (constexpr std::size_t piece = frame_size_max_bytes - 8; !body.empty(); body.remove_prefix(std::min(piece, body.size())))
    if (!send_frame(frame_body, 1, bytes_of(body.substr(0, piece)))) return false;
  return true;
}

bool RawAmqp::settle(std::uint16_t method_id, std::uint64_t tag, std::uint8_t bits) {
  std::vector<std::byte> arguments;
  append_big(arguments, tag);
  append_big(arguments, bits);
  return send_method(1, 60, method_id, arguments);
}

bool RawAmqp::ack(std::uint64_t tag) {
  return settle(80, tag, 0);
}

bool RawAmqp::requeue(std::uint64_t tag) {
  return settle(120, tag, requeue_bit);
}

std::optional<RawAmqp::Event> RawAmqp::event_of(const Frame& frame) {
  if (frame.type != frame_method || (frame.class_id != 60)) return std::nullopt;
  ByteReader reader(frame.payload);
  Event event;
  std::uint8_t bits = 0;
  if (frame.method_id == 80 || frame.method_id == 120) {
    event.kind = frame.method_id == 80 ? Event::Kind::confirm : Event::Kind::refusal;
    if (!reader.big(event.tag) || !reader.big(bits)) return std::nullopt;
    event.multiple = (bits & 1) != 0;
    return event;
  }
  std::string_view consumer;
  if (frame.method_id != 60 || !reader.short_text(consumer) || !reader.big(event.tag) || !reader.big(bits))
    return std::nullopt;
  event.kind = Event::Kind::delivery;
  event.redelivered = (bits & 1) != 0;
  Frame header, part;
  if (!read_frame(header) || header.type != frame_header || header.payload.size() < 12) return std::nullopt;
  const auto size = load_big<std::uint64_t>(header.payload.data() + 4);
  while (event.body.size() < size) {
    if (!read_frame(part) || part.type != frame_body) return std::nullopt;
    event.body += text_of(part.payload);
  }
  return event;
}

std::optional<RawAmqp::Event> RawAmqp::next(int timeout_ms) {
  if (!early_.empty()) {
    Event event = std::move(early_.front());
    early_.erase(early_.begin());
    return event;
  }
  Frame frame;
  if (!socket_.readable(timeout_ms)) return std::nullopt;
  if (!read_frame(frame)) {
    opened_ = false;
    return std::nullopt;
  }
  return event_of(frame);
}

}  // namespace tandem::support
