// Where a body lies: the two top bits of a BodyHandle say which kind of place the rest is a byte position in. Only
// storage knows.
//   00  the journal
//   01  the backlog file
//   10  memory that a large batch was staged into, apart from the journal, until it is home (ApartBuffers). Never written
//   11  the newest segment file of the partition: only in Appended records, of batches that went home at once
#pragma once

#include <cstdint>

#include "broker/base/ids.h"

namespace tandem::storage {

enum class BodyPlace : std::uint8_t { journal, backlog, apart, segment };

inline constexpr int body_place_shift = 62;
inline constexpr std::uint64_t body_position_max = (std::uint64_t{1} << body_place_shift) - 1;

inline BodyHandle body_handle(BodyPlace place, std::uint64_t position) {
  return {std::uint64_t{static_cast<std::uint8_t>(place)} << body_place_shift | position};
}
inline BodyPlace body_place(BodyHandle body) {
  return static_cast<BodyPlace>(body.value >> body_place_shift);
}
inline std::uint64_t body_position(BodyHandle body) {
  return body.value & body_position_max;
}

}  // namespace tandem::storage
