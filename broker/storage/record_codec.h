// Records as bytes: in journal frames and as LMDB values (docs/disk_format.md, "Records"). One description of
// each record's fields (record_codec_fields.h) serves measuring, writing and reading.
//
// An encoded record starts with its type byte and ends by itself. Type bytes are never reused; 0x00..0x0F are
// not records (the journal's own items).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "broker/core/record.h"
#include "schemas/message.h"
#include "schemas/result.h"

namespace tandem::storage {

inline constexpr std::uint8_t record_type_min = 0x10;

/// Upper bound of the encoded size, cheap to find.
std::size_t encoded_size_max_bytes(const core::Record& record);
/// Writes the encoded record at `out`, where encoded_size_max_bytes() of room must be; returns its end.
/// Does not allocate, unless the record has a field table.
std::byte* encode_record(const core::Record& record, std::byte* out);
std::vector<std::byte> encode_record(const core::Record& record);

/// Reads the record at the front of `bytes` and says how many bytes it took.
/// Errors: corrupt (truncated or not a record), not_supported (a type that a newer version wrote).
Result<core::Record> decode_record(Bytes bytes, std::size_t* consumed);
/// Reads a record that takes all of `bytes`; anything behind it is corrupt.
Result<core::Record> decode_record(Bytes bytes);

}  // namespace tandem::storage
