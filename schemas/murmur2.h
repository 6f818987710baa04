// MurmurHash2 as Kafka's clients use it to choose a partition, so that a key lands where every Kafka producer
// would put it. Depends on std only.
#pragma once

#include <cstdint>

#include "schemas/message.h"

namespace tandem {

/// 32 bits, seed 0x9747b28c.
std::uint32_t murmur2(Bytes bytes);

/// The partition of a record with this key among `partitions` (> 0): Kafka's default partitioner.
std::int32_t partition_of_key(Bytes key, std::int32_t partitions);

}  // namespace tandem
