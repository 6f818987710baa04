// What a batch may be before any face gives it to the core.
#include "broker/wire/judge_append.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "broker/base/limits.h"
#include "schemas/batch_codec.h"
#include "schemas/batch_fields.h"

namespace tandem::wire {
namespace {

using Buffer = std::vector<std::byte>;

Buffer batch_of(std::size_t records, std::size_t value_size_bytes = 10, Codec codec = Codec::none) {
  BatchBuilder builder;
  const std::string value(value_size_bytes, 'v');
  for (std::size_t i = 0; i < records; ++i) builder.add(1'000, bytes_of("key"), bytes_of(value));
  return builder.finish(codec).value();
}

/// The batch with one field of its header changed, and a checksum that is right for that.
template <class Change>
Buffer changed(Buffer batch, Change change) {
  BatchHeader header = batch_fields::read_header(batch.data());
  change(header);
  batch_fields::write_header(batch.data(), header);
  batch_fields::seal(batch);
  return batch;
}

ErrorCode code_of(Bytes batch, const core::BatchRules& rules = {}) {
  const auto judged = judge_append(batch, rules).batch;
  if (judged) return ErrorCode::none;
  CHECK_FALSE(judged.error().text.empty());
  return judged.error().code;
}

}  // namespace

TEST_CASE("a batch that is right is taken as it is") {
  const Buffer batch = batch_of(3);
  const auto judged = judge_append(batch, {}).batch;
  REQUIRE(judged);
  CHECK(judged->bytes.data() == batch.data());
  CHECK(judged->view.record_count == 3);
  CHECK(judged->recompressed.empty());
}

TEST_CASE("counts and offsets that contradict each other are refused under a right checksum") {
  const Buffer batch = batch_of(3);
  CHECK(code_of(changed(batch, [](BatchHeader&) {})) == ErrorCode::none);
  CHECK(code_of(changed(batch, [](BatchHeader& header) { header.record_count = -1; })) == ErrorCode::corrupt);
  CHECK(code_of(changed(batch, [](BatchHeader& header) { header.record_count = 0; })) == ErrorCode::corrupt);
  CHECK(code_of(changed(batch, [](BatchHeader& header) { header.last_offset_delta = -1; })) == ErrorCode::corrupt);
  // Its last offset would be the next batch's first, or there would be offsets that nothing has.
  CHECK(code_of(changed(batch, [](BatchHeader& header) { header.last_offset_delta = 1; })) == ErrorCode::corrupt);
  CHECK(code_of(changed(batch, [](BatchHeader& header) { header.last_offset_delta = 0x7fffffff; })) == ErrorCode::corrupt);
  CHECK(code_of(changed(batch, [](BatchHeader& header) { header.base_offset = -5; })) == ErrorCode::corrupt);
}

TEST_CASE("a batch does not claim more records than it has room for") {
  const auto claiming = [](std::int32_t records, Codec codec) {
    return changed(batch_of(3, 10, codec), [records](BatchHeader& header) {
      header.record_count = records;
      header.last_offset_delta = records - 1;
    });
  };
  CHECK(code_of(claiming(0x7fffffff, Codec::none)) == ErrorCode::corrupt);
  CHECK(code_of(claiming(0x7fffffff, Codec::zstd)) == ErrorCode::corrupt);
  CHECK(code_of(claiming(100, Codec::none)) == ErrorCode::corrupt);
  CHECK(code_of(claiming(3, Codec::none)) == ErrorCode::none);
  // The smallest records that there are: no key, no value, no headers.
  BatchBuilder builder;
  for (int i = 0; i < 50; ++i) builder.add(0, std::nullopt, std::nullopt);
  CHECK(code_of(builder.finish().value()) == ErrorCode::none);
}

/// The batch of these records in this codec, malformed at `at` of its plain records.
Buffer malformed_at(std::size_t at, Codec codec) {
  Buffer batch = batch_of(3);
  batch[batch_header_size_bytes + at] ^= std::byte{0x7f};
  const BatchHeader header = batch_fields::read_header(batch.data());
  return recompress_batch(header, Bytes(batch).subspan(batch_header_size_bytes), codec).value();
}

TEST_CASE("records whose framing is wrong are refused by number under a right checksum") {
  const std::size_t size = (batch_of(3).size() - batch_header_size_bytes) / 3;
  const auto refused = [](Bytes batch, const core::BatchRules& rules = {}) {
    const auto [judged, record] = judge_append(batch, rules);
    CHECK(judged.ok() == (record < 0));
    if (!judged) CHECK(judged.error().code == ErrorCode::invalid_argument);
    return record;
  };
  CHECK(refused(batch_of(3)) == -1);
  CHECK(refused(malformed_at(0, Codec::none)) == 0);
  CHECK(refused(malformed_at(size, Codec::none)) == 1);
  CHECK(refused(malformed_at(2 * size + 4, Codec::none)) == 2);
  CHECK(refused(changed(batch_of(3), [](BatchHeader& header) {
          header.record_count = 2;
          header.last_offset_delta = 1;
        })) == 2);
}

TEST_CASE("compressed records are looked at where they are decompressed anyway") {
  const std::size_t size = (batch_of(3).size() - batch_header_size_bytes) / 3;
  for (const Codec codec : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    CAPTURE(name(codec));
    const Buffer batch = malformed_at(size, codec);
    CHECK(code_of(batch) == ErrorCode::none);
    CHECK(code_of(batch, {.codec = codec}) == ErrorCode::none);
    CHECK(code_of(batch, {.codec = Codec::none}) == ErrorCode::invalid_argument);
    CHECK(code_of(batch, {.needs_keys = true}) == ErrorCode::invalid_argument);
    CHECK(code_of(batch_of(3, 10, codec), {.needs_keys = true, .codec = Codec::none}) == ErrorCode::none);
  }
}

TEST_CASE("where keys are needed the first record without one is told") {
  for (const Codec codec : {Codec::none, Codec::zstd}) {
    BatchBuilder builder;
    for (const bool has_key : {true, false, true, false})
      builder.add(1, has_key ? std::optional(bytes_of("k")) : std::nullopt, bytes_of("v"));
    const Buffer batch = builder.finish(codec).value();
    const auto judged = judge_append(batch, {.needs_keys = true}).batch;
    REQUIRE(judged);
    CHECK(judged->view.lacks_key);
    CHECK(judged->first_without_key == 1);
    const auto unasked = judge_append(batch, {}).batch;
    REQUIRE(unasked);
    CHECK_FALSE(unasked->view.lacks_key);
    const auto keyed = judge_append(batch_of(3, 10, codec), {.needs_keys = true}).batch;
    REQUIRE(keyed);
    CHECK_FALSE(keyed->view.lacks_key);
  }
}

TEST_CASE("a producer's base offset says nothing: two batches of one producer cannot overlap") {
  const auto judged = judge_append(changed(batch_of(2), [](BatchHeader& header) { header.base_offset = 7; }), {}).batch;
  REQUIRE(judged);
  CHECK(judged->view.record_count == 2);
}

TEST_CASE("codecs that there are not, control batches and old formats have their own answers") {
  const Buffer batch = batch_of(1);
  CHECK(code_of(changed(batch, [](BatchHeader& header) { header.attributes = 5; })) == ErrorCode::not_supported);
  CHECK(code_of(changed(batch, [](BatchHeader& header) { header.attributes = 0x20; })) == ErrorCode::access_refused);
  Buffer old = batch;
  old[16] = std::byte{1};
  CHECK(code_of(old) == ErrorCode::not_supported);
  old[16] = std::byte{3};
  CHECK(code_of(old) == ErrorCode::corrupt);
}

TEST_CASE("a wrong checksum, a wrong length and a second batch are refused") {
  Buffer batch = batch_of(2);
  batch.back() ^= std::byte{1};
  CHECK(code_of(batch) == ErrorCode::corrupt);
  batch = batch_of(2);
  batch.pop_back();
  CHECK(code_of(batch) == ErrorCode::corrupt);
  batch = batch_of(2);
  batch.insert(batch.end(), batch.begin(), batch.end());
  CHECK(code_of(batch) == ErrorCode::corrupt);
}

TEST_CASE("a decompression bomb is refused where records are looked at, and costs no more than its limit") {
  // More zeros than anybody takes, in the size of a message: each codec that can make such a thing.
  const Buffer zeros(decompressed_size_max_bytes + 1);
  for (const Codec codec : {Codec::gzip, Codec::lz4, Codec::zstd}) {
    const Buffer packed = compress(codec, zeros).value();
    REQUIRE(packed.size() < limits::batch_size_max_bytes);
    Buffer bomb = batch_of(1);
    bomb.resize(batch_header_size_bytes);
    bomb.insert(bomb.end(), packed.begin(), packed.end());
    bomb = changed(bomb, [&](BatchHeader& header) {
      header.attributes = static_cast<std::int16_t>(codec);
      header.size_bytes = static_cast<std::uint32_t>(bomb.size());
    });
    CAPTURE(name(codec));
    CHECK(code_of(bomb, {.codec = Codec::none}) == ErrorCode::too_large);
    CHECK(code_of(batch_of(1, 5'000, codec), {.codec = Codec::none, .plain_size_max_bytes = 4'000}) == ErrorCode::too_large);
    CHECK(code_of(batch_of(1, 5'000, codec), {.needs_keys = true, .plain_size_max_bytes = 4'000}) == ErrorCode::too_large);
    CHECK(code_of(batch_of(1, 5'000, codec), {.codec = Codec::none, .plain_size_max_bytes = 6'000}) == ErrorCode::none);
    // Nobody decompresses it here: it is kept for those who asked for it, who have a limit of their own.
    CHECK(code_of(bomb) == ErrorCode::none);
  }
}

TEST_CASE("a batch that becomes too large in the topic's codec is refused") {
  Buffer batch = batch_of(40, 500'000, Codec::zstd);
  REQUIRE(batch.size() < limits::batch_size_max_bytes);
  CHECK(code_of(batch, {.codec = Codec::none}) == ErrorCode::too_large);
  CHECK(code_of(batch, {.codec = Codec::lz4}) == ErrorCode::none);
}

}  // namespace tandem::wire
