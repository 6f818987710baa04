// What a stored message holds under arbitrary bytes: the readers agree with each other, and what was decoded
// is encoded to something that decodes to the same. Run: tandem_fuzz_native_message CORPUS_DIR
#include <cstdlib>

#include "schemas/field_table.h"
#include "schemas/message.h"

namespace {

using namespace tandem;

void must(bool holds) {
  if (!holds) std::abort();
}

void try_properties(Bytes encoded) {
  const auto properties = decode_properties(encoded);
  must(properties.has_value() == glance_properties(encoded).has_value());
  if (!properties) return;
  std::vector<std::byte> again;
  append_properties(again, *properties);
  must(decode_properties(again).has_value());
}

void try_table(Bytes encoded) {
  std::size_t consumed = 0;
  const auto table = decode_table(encoded, &consumed);
  ByteReader reader(encoded);
  Bytes skipped;
  must(table.has_value() == skip_table(reader, skipped));
  must(!table || skipped.size() == consumed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input = std::as_bytes(std::span(data, size));
  if (const auto parts = parse_message(input)) try_properties(parts->properties);
  try_properties(input);
  try_table(input);
  return 0;
}
