// Making frames of the native protocol: a FlatBuffers envelope and, behind it, payload that is not copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "schemas/frame.h"
#include "schemas/message.h"
#include "schemas/wire_structs.h"

namespace tandem::client {

namespace fb = tandem::wire::fb;

/// Keeps bytes alive while somebody looks at them.
using Owner = std::shared_ptr<const void>;

/// One frame, ready to be written; a copy shares the payload.
struct Frame {
  std::vector<std::byte> head;  // sizes and envelope
  Bytes payload;
  Owner owner;  // of the payload
  std::size_t size_bytes() const { return head.size() + payload.size(); }
};

struct Address {
  std::uint64_t correlation = 0;
  std::uint16_t channel = 0;
};

/// This thread's builder, empty.
flatbuffers::FlatBufferBuilder& fresh_builder();
Frame finish_frame(flatbuffers::FlatBufferBuilder& builder, Address address, fb::Message kind,
                   flatbuffers::Offset<void> message, Bytes payload, Owner owner);

template <class Table>
Frame finish_frame(flatbuffers::FlatBufferBuilder& builder, Address address,
                   flatbuffers::Offset<Table> message, Bytes payload, Owner owner) {
  return finish_frame(builder, address, fb::MessageTraits<Table>::enum_value, message.Union(), payload,
                      std::move(owner));
}

/// A frame whose message `build(builder)` makes; it returns the message's offset.
template <class Build>
Frame make_frame(Address address, Build&& build, Bytes payload = {}, Owner owner = nullptr) {
  auto& builder = fresh_builder();
  const auto message = build(builder);
  return finish_frame(builder, address, message, payload, std::move(owner));
}

/// The payload as a buffer of its own.
template <class Build>
Frame make_frame(Address address, Build&& build, std::vector<std::byte> payload) {
  auto kept = std::make_shared<const std::vector<std::byte>>(std::move(payload));
  return make_frame(address, std::forward<Build>(build), Bytes(*kept), kept);
}

inline std::string_view text_of(const flatbuffers::String* field) {
  return field ? std::string_view(field->data(), field->size()) : std::string_view();
}
inline Bytes bytes_of(const flatbuffers::Vector<std::uint8_t>* field) {
  return field ? std::as_bytes(std::span(field->data(), field->size())) : Bytes();
}
inline std::string owned(const flatbuffers::String* field) {
  return std::string(text_of(field));
}

}  // namespace tandem::client
