// A record batch with the same records in another codec.
#pragma once

#include <vector>

#include "schemas/batch.h"

namespace tandem {

/// A whole batch of this header and these records as they are, with sizes and checksum made right.
std::vector<std::byte> seal_batch(BatchHeader header, Bytes records);

/// The same of plain records, which are compressed with the header's codec. Errors: not_supported (codec).
Result<std::vector<std::byte>> pack_batch(BatchHeader header, Bytes plain_records);

/// The batch of this header with its records, which are plain here, in `codec`. Offsets, times and producer stay.
/// Errors: not_supported (codec).
Result<std::vector<std::byte>> recompress_batch(BatchHeader header, Bytes plain_records, Codec codec);

}  // namespace tandem
