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

}  // namespace

TEST_CASE("a batch goes from every codec into every other with its records, offsets, times and producer") {
  const auto expected = records_of(make(Codec::none));
  for (const Codec from : codecs)
    for (const Codec to : codecs) {
      INFO(name(from), " to ", name(to));
      const auto batch = make(from);
      const auto changed = recompress_batch(batch, to).value();
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

TEST_CASE("records that cannot be read are refused, not stored in another codec") {
  auto batch = make(Codec::zstd);
  batch[batch_header_size_bytes + 1] ^= std::byte{0xff};
  CHECK(recompress_batch(batch, Codec::lz4).error().code == ErrorCode::corrupt);
}

}  // namespace tandem::batch_codec_test
