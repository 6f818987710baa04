#include "schemas/batch_codec.h"

#include "schemas/batch_fields.h"

namespace tandem {

using namespace batch_fields;

std::vector<std::byte> seal_batch(BatchHeader header, Bytes records) {
  header.size_bytes = static_cast<std::uint32_t>(batch_header_size_bytes + records.size());
  std::vector<std::byte> batch;
  batch.reserve(header.size_bytes);
  batch.resize(batch_header_size_bytes);
  batch.insert(batch.end(), records.begin(), records.end());
  write_header(batch.data(), header);
  seal(batch);
  return batch;
}

Result<std::vector<std::byte>> pack_batch(BatchHeader header, Bytes plain_records) {
  const auto codec = static_cast<Codec>(header.codec_number());
  if (codec == Codec::none) return seal_batch(header, plain_records);
  const auto compressed = compress(codec, plain_records);
  if (!compressed) return compressed.error();
  return seal_batch(header, *compressed);
}

Result<std::vector<std::byte>> recompress_batch(BatchHeader header, Bytes plain_records, Codec codec) {
  header.attributes = static_cast<std::int16_t>((header.attributes & ~0x7) | static_cast<int>(codec));
  return pack_batch(header, plain_records);
}

}  // namespace tandem
