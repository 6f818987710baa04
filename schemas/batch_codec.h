// A record batch with the same records in another codec.
#pragma once

#include <vector>

#include "schemas/batch.h"

namespace tandem {

/// A whole batch of this header and these records as they are, with sizes and checksum made right.
std::vector<std::byte> seal_batch(BatchHeader header, Bytes records);

/// The same of plain records, which are compressed with the header's codec. Errors: not_supported (codec).
Result<std::vector<std::byte>> pack_batch(BatchHeader header, Bytes plain_records);

/// `batch`, one whole batch whose checksum was checked before, with its records in `codec`. Offsets, times and producer
/// stay. Errors: corrupt, too_large (its records decompress to more than decompressed_size_max_bytes).
Result<std::vector<std::byte>> recompress_batch(Bytes batch, Codec codec);

}  // namespace tandem
