// AMQP's framing: type u8 | channel u16 | size u32 | payload | 0xCE (AMQP 0-9-1, 4.2.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "schemas/message.h"

namespace tandem::wire::amqp {

enum class FrameType : std::uint8_t { method = 1, header = 2, body = 3, heartbeat = 8 };

inline constexpr std::size_t frame_header_size_bytes = 7;
inline constexpr std::size_t frame_overhead_bytes = 8;  // header and end octet
inline constexpr std::byte frame_end{0xCE};
/// Content header payload before the property flags: class, weight, body size.
inline constexpr std::size_t content_header_size_bytes = 12;

struct Frame {
  std::uint8_t type = 0;  // FrameType, or anything else a peer may send
  std::uint16_t channel = 0;
  Bytes payload;
  std::size_t size_bytes() const { return payload.size() + frame_overhead_bytes; }
};

enum class FrameJudgement { whole, incomplete, too_large, bad_end };

/// Looks at the front of `input`. `whole` and `bad_end`: `frame` is filled. `incomplete`: `wanted` is the
/// size to wait for. `too_large`: frame.payload is empty, `wanted` is the size that the payload was said to
/// have.
FrameJudgement judge_frame(Bytes input, std::size_t payload_size_max, Frame& frame, std::size_t& wanted);

/// "all octets = <<1,2>>" or "first 16 octets = <<…>>", as RabbitMQ shows a payload in its error texts.
std::string payload_snippet(Bytes payload);

}  // namespace tandem::wire::amqp
