#include "broker/wire/amqp/whole_publish.h"

#include "broker/wire/amqp/frame.h"
#include "schemas/byte_order.h"

namespace tandem::wire::amqp {
namespace {

/// Takes frames of one channel off the front of the input.
class FrameRow {
 public:
  FrameRow(Bytes input, std::uint16_t channel, std::size_t payload_size_max)
      : rest_(input), channel_(channel), payload_size_max_(payload_size_max) {}

  bool next(FrameType type, Bytes& payload) {
    Frame frame;
    std::size_t wanted = 0;
    if (judge_frame(rest_, payload_size_max_, frame, wanted) != FrameJudgement::whole) return false;
    if (frame.type != static_cast<std::uint8_t>(type) || frame.channel != channel_) return false;
    payload = frame.payload;
    rest_ = rest_.subspan(frame.size_bytes());
    return true;
  }
  std::size_t left() const { return rest_.size(); }

 private:
  Bytes rest_;
  std::uint16_t channel_;
  std::size_t payload_size_max_;
};

}  // namespace

bool read_publish(Bytes fields, PublishFields& publish) {
  ByteReader reader(fields);
  std::uint16_t ticket = 0;
  std::uint8_t bits = 0;
  if (!reader.big(ticket) || !reader.short_text(publish.exchange) || !reader.short_text(publish.routing_key) ||
      !reader.big(bits) || !reader.at_end())
    return false;
  publish.mandatory = bits & 1;
  publish.immediate = bits & 2;
  return true;
}

bool read_whole_publish(Bytes input, std::uint16_t channel, std::size_t payload_size_max, WholePublish& whole) {
  FrameRow frames(input, channel, payload_size_max);
  Bytes method, header, body;
  if (!frames.next(FrameType::method, method) || method.size() < sizeof(std::uint32_t)) return false;
  PublishFields publish;
  if (load_big<std::uint32_t>(method.data()) != static_cast<std::uint32_t>(Method::basic_publish) ||
      !read_publish(method.subspan(sizeof(std::uint32_t)), publish) || publish.immediate)
    return false;
  if (!frames.next(FrameType::header, header) || header.size() < content_header_size_bytes) return false;
  const auto body_size = load_big<std::uint64_t>(header.data() + 4);
  if (load_big<std::uint16_t>(header.data()) != class_of(Method::basic_publish)) return false;
  if (body_size != 0 && (!frames.next(FrameType::body, body) || body.size() != body_size)) return false;
  const auto glance = glance_properties(header.subspan(content_header_size_bytes));
  if (!glance) return false;
  whole.message = {publish.exchange, publish.routing_key, publish.mandatory, header.subspan(content_header_size_bytes),
                   body};
  whole.glance = *glance;
  whole.size_bytes = input.size() - frames.left();
  return true;
}

}  // namespace tandem::wire::amqp
