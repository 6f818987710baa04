// The compression codecs of record batches (Kafka record batch v2, attributes bits 0–2), for broker and
// client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "schemas/message.h"
#include "schemas/result.h"

namespace tandem {

/// The numbers are those of a batch's attributes.
enum class Codec : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

/// "none", "gzip", "snappy", "lz4", "zstd"; "unknown" for a number that is none of them.
std::string_view name(Codec codec);

/// What decompress() gives at most when its caller has no limit of its own: a batch is at most 16 MiB on the
/// wire, and a bomb must not cost more memory than eight of them.
inline constexpr std::size_t decompressed_size_max_bytes = 128u << 20;

/// The compressed form of `plain`: an LZ4 frame, a zstd frame, a gzip member or framed snappy blocks. Errors:
/// not_supported (unknown codec). Thread-safe.
Result<std::vector<std::byte>> compress(Codec codec, Bytes plain);

/// The plain bytes. Errors: corrupt (not a whole compressed stream, or bytes behind it), too_large (more than
/// `size_max_bytes` would come out; no more than that is ever allocated). Snappy is read both bare and in the
/// block framing that Java and JavaScript clients use. Thread-safe.
Result<std::vector<std::byte>> decompress(Codec codec, Bytes compressed,
                                          std::size_t size_max_bytes = decompressed_size_max_bytes);

}  // namespace tandem
