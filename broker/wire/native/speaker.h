// Writes frames of the native protocol (docs/wire_protocol.md) into a connection's outbox.
// Thread rule: the loop's thread only; all speakers of a thread share one FlatBuffers builder, since a frame
// is built and written in one go.
#pragma once

#include <string_view>
#include <utility>

#include "broker/wire/outbox.h"
#include "schemas/error_code.h"
#include "schemas/wire_generated.h"

namespace tandem::wire::native {

namespace fb = tandem::wire::fb;

using Builder = flatbuffers::FlatBufferBuilder;

class Speaker {
 public:
  explicit Speaker(Outbox& outbox) : outbox_(outbox) {}

  /// For the next message; empty between two calls of say().
  static Builder& builder();

  /// Ends the message that builder() holds and writes it. The caller writes `payload_size` bytes of payload
  /// next.
  template <class Message>
  void say(std::uint64_t correlation, std::uint16_t channel, flatbuffers::Offset<Message> message,
           std::size_t payload_size = 0) {
    say_union(correlation, channel, fb::MessageTraits<Message>::enum_value, message.Union(), payload_size);
  }
  void payload(Bytes bytes, const Owner& owner) { outbox_.write_owned(bytes, owner); }

  void goodbye(ErrorCode code, std::string_view text);

  /// Whether anything was said since the last call.
  bool take_spoke() { return std::exchange(spoke_, false); }

 private:
  void say_union(std::uint64_t correlation, std::uint16_t channel, fb::Message type,
                 flatbuffers::Offset<void> message, std::size_t payload_size);

  Outbox& outbox_;
  bool spoke_ = false;
};

/// A text of the message under construction.
inline flatbuffers::Offset<flatbuffers::String> text_field(std::string_view text) {
  return Speaker::builder().CreateString(text.data(), text.size());
}
inline flatbuffers::Offset<flatbuffers::Vector<std::uint8_t>> bytes_field(std::string_view bytes) {
  return Speaker::builder().CreateVector(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace tandem::wire::native
