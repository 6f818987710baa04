// Sequence numbers of an idempotent producer's records in one partition, as Kafka counts them.
#pragma once

#include <cstdint>

namespace tandem {

inline constexpr std::int64_t sequences = std::int64_t{1} << 31;  // behind 2^31 - 1 comes 0

/// The sequence behind `count` records that start at `first`.
inline std::int32_t sequence_after(std::int32_t first, std::int32_t count) {
  return static_cast<std::int32_t>((std::int64_t{first} + count) % sequences);
}

}  // namespace tandem
