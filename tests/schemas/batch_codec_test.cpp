#include "schemas/batch_codec.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace tandem::batch_codec_test {
namespace {

constexpr Codec codecs[] = {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};

std::vector<std::byte> make(Codec codec) {
  BatchBuilder builder;
  for (int i = 0; i < 200; ++i)
    builder.add(1000 + i, bytes_of("key" + std::to_string(i)), bytes_of("a value that repeats itself " + std::to_string(i)));
  auto batch = builder.finish(codec, {7, 2, 30, true}).value();
  patch_base_offset(batch, 500);
  return batch;
}

std::vector<std::string> records_of(Bytes batch) {
  std::vector<std::string> seen;
  REQUIRE(for_each_record(batch, [&](const RecordView& r) {
            seen.push_back(std::to_string(r.offset) + " " + std::to_string(r.timestamp) + " " +
                           std::string(text_of(*r.key)) + "=" + std::string(text_of(*r.value)));
            return true;
          }).ok());
  return seen;
}

/// Decompressed, if it is compressed, and compressed anew.
std::vector<std::byte> in_codec(Bytes batch, Codec codec) {
  const auto header = parse_batch_header(batch).value();
  const Bytes records = batch.subspan(batch_header_size_bytes);
  if (header.codec_number() == 0) return recompress_batch(header, records, codec).value();
  return recompress_batch(header, decompress(static_cast<Codec>(header.codec_number()), records).value(), codec).value();
}

}  // namespace

TEST_CASE("a batch goes from every codec into every other with its records, offsets, times and producer") {
  const auto expected = records_of(make(Codec::none));
  for (const Codec from : codecs)
    for (const Codec to : codecs) {
      INFO(name(from), " to ", name(to));
      const auto batch = make(from);
      const auto changed = in_codec(batch, to);
      auto header = judge_batch(changed).value();  // its checksum is right
      CHECK(header.codec_number() == static_cast<int>(to));
      CHECK(header.size_bytes == changed.size());
      CHECK(header.transactional());
      if (to != Codec::none) CHECK(changed.size() < make(Codec::none).size());
      CHECK(records_of(changed) == expected);
      const auto before = parse_batch_header(batch).value();
      header.attributes = before.attributes;
      header.size_bytes = before.size_bytes;
      header.crc = before.crc;
      CHECK(header == before);
    }
}

}  // namespace tandem::batch_codec_test
