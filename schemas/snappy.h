// Reads Snappy, the one codec of record batches for which no library is needed: its format is a page long
// (google/snappy, format_description.txt), and the broker never writes it.
#pragma once

#include <cstddef>
#include <vector>

#include "schemas/message.h"
#include "schemas/result.h"

namespace tandem {

/// Plain bytes of a bare Snappy block or of the xerial framing (magic 82 "SNAPPY" 00, then blocks with a
/// big-endian length). Errors: corrupt, too_large (more than `size_max_bytes`).
Result<std::vector<std::byte>> decompress_snappy(Bytes compressed, std::size_t size_max_bytes);

}  // namespace tandem
