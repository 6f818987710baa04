#include "broker/wire/amqp/frame.h"

#include "schemas/byte_order.h"

namespace tandem::wire::amqp {

FrameJudgement judge_frame(Bytes input, std::size_t payload_size_max, Frame& frame, std::size_t& wanted) {
  if (input.size() < frame_header_size_bytes) {
    wanted = frame_header_size_bytes;
    return FrameJudgement::incomplete;
  }
  const std::size_t size = load_big<std::uint32_t>(input.data() + 3);
  frame.type = static_cast<std::uint8_t>(input[0]);
  frame.channel = load_big<std::uint16_t>(input.data() + 1);
  frame.payload = {};
  if (size > payload_size_max) {
    wanted = size;
    return FrameJudgement::too_large;
  }
  if (input.size() < size + frame_overhead_bytes) {
    wanted = size + frame_overhead_bytes;
    return FrameJudgement::incomplete;
  }
  frame.payload = input.subspan(frame_header_size_bytes, size);
  return input[frame_header_size_bytes + size] == frame_end ? FrameJudgement::whole : FrameJudgement::bad_end;
}

std::string payload_snippet(Bytes payload) {
  constexpr std::size_t shown_max = 16;
  std::string text = payload.size() <= shown_max ? "all octets = <<" : "first 16 octets = <<";
  for (std::size_t i = 0; i < payload.size() && i < shown_max; ++i) {
    if (i > 0) text += ',';
    text += std::to_string(std::to_integer<int>(payload[i]));
  }
  return text += ">>";
}

}  // namespace tandem::wire::amqp
