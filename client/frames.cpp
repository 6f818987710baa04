#include "client/frames.h"

namespace tandem::client {

flatbuffers::FlatBufferBuilder& fresh_builder() {
  static thread_local flatbuffers::FlatBufferBuilder builder;
  builder.Clear();
  return builder;
}

Frame finish_frame(flatbuffers::FlatBufferBuilder& builder, Address address, fb::Message kind,
                   flatbuffers::Offset<void> message, Bytes payload, Owner owner) {
  builder.Finish(fb::CreateEnvelope(builder, address.correlation, address.channel, kind, message));
  const auto envelope = std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize()));
  Frame made{{}, payload, std::move(owner)};
  made.head.reserve(frame::header_size_bytes + envelope.size());
  frame::append_header(made.head, envelope.size(), payload.size());
  made.head.insert(made.head.end(), envelope.begin(), envelope.end());
  return made;
}

}  // namespace tandem::client
