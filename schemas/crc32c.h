// CRC-32C (Castagnoli), as the record batch v2 and the disk formats use it. Hardware speed through ISA-L.
#pragma once

#include <cstdint>

#include "schemas/message.h"

namespace tandem {

/// The checksum of `bytes`; 0xE3069283 for "123456789". `previous` goes on from the checksum of the bytes
/// before, so that crc32c(b, crc32c(a)) is the checksum of a and b joined.
std::uint32_t crc32c(Bytes bytes, std::uint32_t previous = 0);

}  // namespace tandem
