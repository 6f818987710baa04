// Length-prefixed framing of the native protocol, for broker and client:
//   u32 frame_size | u32 envelope_size | envelope | payload        (little endian; frame_size counts what is behind it)
// Depends on std only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schemas/message.h"

namespace tandem::frame {

inline constexpr std::size_t header_size_bytes = 8;
/// Whole frame. A message or a transaction of 32 MiB, with room for its envelope.
inline constexpr std::size_t frame_size_max_bytes = 40u << 20;
/// Messages of one Publish: 100,000 in one frame would keep other connections waiting for 40 ms.
inline constexpr std::size_t publish_items_max = 4'096;

struct View {
  Bytes envelope;
  Bytes payload;
  std::size_t size_bytes = 0;  // of the whole frame, to be consumed
};

enum class Judgement { whole, incomplete, broken };

/// Looks at the front of `input`. `whole`: `out` is filled. `incomplete`: `*wanted` is the size to wait for (at least
/// header_size_bytes). `broken`: sizes that no frame can have; the connection cannot go on.
Judgement judge(Bytes input, View& out, std::size_t* wanted);

/// What is wrong with the sizes at the front of `input`, which judge() calls broken; for people.
std::string fault(Bytes input);

/// Appends the eight header bytes for an envelope and payload of these sizes.
void append_header(std::vector<std::byte>& out, std::size_t envelope_size, std::size_t payload_size);

}  // namespace tandem::frame
