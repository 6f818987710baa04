// Reading fields of a verified envelope: an absent text is empty, an absent vector has no elements, a number
// outside an enum is said to be so. Writing the enums that travel as text.
#pragma once

#include <optional>
#include <string_view>

#include "broker/core/input.h"
#include "schemas/message.h"
#include "schemas/wire_structs.h"

namespace tandem::wire::native {

namespace fb = tandem::wire::fb;

inline std::string_view text_of(const flatbuffers::String* text) {
  return text ? std::string_view(text->data(), text->size()) : std::string_view();
}
inline Bytes bytes_of(const flatbuffers::Vector<std::uint8_t>* bytes) {
  return bytes ? std::as_bytes(std::span(bytes->data(), bytes->size())) : Bytes();
}
template <class T>
std::size_t size_of(const flatbuffers::Vector<T>* vector) {
  return vector ? vector->size() : 0;
}

std::optional<core::Outcome> outcome_of(fb::Outcome outcome);
std::optional<core::DestinationKind> destination_of(fb::Destination kind);
std::optional<core::Subject> subject_of(fb::Subject subject);
std::optional<core::PolicyTarget> policy_target_of(fb::PolicyTarget target);
/// direct, fanout, topic, headers, x-consistent-hash, x-delayed-message.
std::optional<core::ExchangeKind> exchange_kind_of(std::string_view name);

inline std::uint16_t code_field(ErrorCode code) {
  return static_cast<std::uint16_t>(code);
}
fb::Destination destination_field(core::DestinationKind kind);
std::string_view exchange_kind_name(core::ExchangeKind kind);
std::string_view object_name(core::ObjectKind kind);

}  // namespace tandem::wire::native
