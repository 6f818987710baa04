// Bytes as a damaged LMDB value or journal frame could hold them: refused, or a record that encodes to itself
// again.
#include "broker/storage/record_codec.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tandem;
  std::size_t consumed = 0;
  const auto record = storage::decode_record(std::as_bytes(std::span(data, size)), &consumed);
  if (!record) return 0;
  if (consumed > size) std::abort();
  const auto again = storage::decode_record(storage::encode_record(*record));
  // Compared as bytes: a NaN in a field table is not equal to itself.
  if (!again || storage::encode_record(*again) != storage::encode_record(*record)) std::abort();
  return 0;
}
