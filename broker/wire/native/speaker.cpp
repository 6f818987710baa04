#include "broker/wire/native/speaker.h"

#include <cstring>

#include "schemas/byte_order.h"
#include "schemas/frame.h"

namespace tandem::wire::native {
namespace {
// A builder that grew beyond this for one large answer gives its memory back.
constexpr std::size_t builder_kept_max_bytes = 1u << 20;
}  // namespace

Builder& Speaker::builder() {
  thread_local Builder builder(16 * 1024);
  return builder;
}

void Speaker::say_union(std::uint64_t correlation, std::uint16_t channel, fb::Message type,
                        flatbuffers::Offset<void> message, std::size_t payload_size) {
  Builder& b = builder();
  b.Finish(fb::CreateEnvelope(b, correlation, channel, type, message));
  const std::size_t envelope_size = b.GetSize();
  std::byte* out = outbox_.extend(frame::header_size_bytes + envelope_size);
  store_little(out, static_cast<std::uint32_t>(4 + envelope_size + payload_size));
  store_little(out + 4, static_cast<std::uint32_t>(envelope_size));
  std::memcpy(out + frame::header_size_bytes, b.GetBufferPointer(), envelope_size);
  if (envelope_size > builder_kept_max_bytes) {
    b.Reset();
  } else {
    b.Clear();
  }
  spoke_ = true;
}

void Speaker::goodbye(ErrorCode code, std::string_view text) {
  const auto text_offset = text_field(text);
  say(0, 0, fb::CreateGoodbye(builder(), static_cast<std::uint16_t>(code), text_offset));
}

}  // namespace tandem::wire::native
