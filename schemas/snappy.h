// Snappy as record batches have it: bare blocks, and blocks in the framing of Java's clients.
#pragma once

#include <cstddef>
#include <vector>

#include "schemas/message.h"
#include "schemas/result.h"

namespace tandem {

/// In the xerial framing (magic 82 "SNAPPY" 00, versions, then blocks of 32 KiB with a big-endian length), which every
/// Kafka client reads. Thread-safe.
std::vector<std::byte> compress_snappy(Bytes plain);

/// Plain bytes of a bare Snappy block or of the xerial framing. Errors: corrupt, too_large (more than `size_max_bytes`;
/// no more is ever allocated). Thread-safe.
Result<std::vector<std::byte>> decompress_snappy(Bytes compressed, std::size_t size_max_bytes);

}  // namespace tandem
