#include "schemas/batch_filter.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace tandem::batch_filter_test {
namespace {

std::vector<std::byte> make(Codec codec, int count = 6) {
  BatchBuilder builder;
  for (int i = 0; i < count; ++i) {
    const RecordHeader header{"h", bytes_of("x")};
    builder.add(1000 + i * 10, bytes_of("key" + std::to_string(i)), bytes_of("value " + std::to_string(i)), {&header, 1});
  }
  auto batch = builder.finish(codec, {7, 2, 30, true}).value();
  patch_base_offset(batch, 500);
  return batch;
}

struct Seen {
  std::int64_t offset, timestamp;
  std::string key, value;
  std::size_t headers;
  friend bool operator==(const Seen&, const Seen&) = default;
};

std::vector<Seen> records_of(Bytes batch) {
  std::vector<Seen> seen;
  REQUIRE(for_each_record(batch, [&](const RecordView& r) {
            seen.push_back({r.offset, r.timestamp, std::string(text_of(*r.key)), std::string(text_of(*r.value)),
                            r.headers.size()});
            return true;
          }).ok());
  return seen;
}

const auto odd = [](const RecordView& record) { return record.offset % 2 == 1; };

}  // namespace

TEST_CASE("records that are left keep offset, timestamp, key, value and headers, with every codec") {
  for (const Codec codec : {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    const auto batch = make(codec);
    const auto filtered = filter_batch(batch, std::nullopt, odd).value();
    REQUIRE(filtered.what == FilteredBatch::What::changed);
    CHECK(filtered.max_timestamp == 1050);
    const auto header = judge_stored_batch(filtered.bytes).value();
    const auto before = parse_batch_header(batch).value();
    CHECK(header.record_count == 3);
    CHECK(header.base_offset == 500);
    CHECK(header.last_offset_delta == 5);
    CHECK(header.attributes == before.attributes);
    CHECK(header.producer_id == 7);
    CHECK(header.producer_epoch == 2);
    CHECK(header.base_sequence == 30);
    const auto all = records_of(batch), left = records_of(filtered.bytes);
    CHECK(left == std::vector<Seen>{all[1], all[3], all[5]});
  }
}

TEST_CASE("a batch of which all or nothing stays is said so, and not copied") {
  const auto batch = make(Codec::zstd);
  CHECK(filter_batch(batch, std::nullopt, [](const RecordView&) { return true; })->what ==
        FilteredBatch::What::unchanged);
  CHECK(filter_batch(batch, std::nullopt, [](const RecordView&) { return false; })->what ==
        FilteredBatch::What::emptied);
}

TEST_CASE("a horizon is written into the batch, and the records' timestamps stay what they were") {
  for (const std::int64_t at : {std::int64_t{5}, std::int64_t{1005}, std::int64_t{1} << 61}) {
    const auto batch = make(Codec::lz4);
    CHECK_FALSE(delete_horizon(parse_batch_header(batch).value()).has_value());
    std::optional<std::int64_t> horizon;
    const auto filtered = filter_batch(batch, horizon, [&](const RecordView& record) {
                            if (record.offset == 503) horizon = at;
                            return record.offset != 500;
                          }).value();
    REQUIRE(filtered.what == FilteredBatch::What::changed);
    const auto header = judge_stored_batch(filtered.bytes).value();
    CHECK(delete_horizon(header) == at);
    CHECK(header.max_timestamp == 1050);
    auto expected = records_of(batch);
    expected.erase(expected.begin());
    CHECK(records_of(filtered.bytes) == expected);
  }
}

TEST_CASE("log append time stays the batch's") {
  auto batch = make(Codec::none);
  patch_log_append_time(batch, 9000);
  const auto filtered = filter_batch(batch, std::nullopt, odd).value();
  CHECK(filtered.max_timestamp == 9000);
  CHECK(records_of(filtered.bytes)[0].timestamp == 9000);
}

TEST_CASE("an empty batch keeps its place and its producer, and can be filtered again") {
  const auto batch = make(Codec::gzip);
  const auto empty = empty_batch(batch);
  CHECK(empty.size() == batch_header_size_bytes);
  const auto header = judge_stored_batch(empty).value();
  CHECK(header.record_count == 0);
  CHECK(header.last_offset() == 505);
  CHECK(header.producer_id == 7);
  CHECK(records_of(empty).empty());
  CHECK_FALSE(judge_batch(empty).ok());  // nobody may produce such a one
  CHECK(filter_batch(empty, std::nullopt, odd)->what == FilteredBatch::What::emptied);
}

TEST_CASE("a stored batch may miss records but not have too many, and its checksum is checked") {
  auto batch = filter_batch(make(Codec::none), std::nullopt, odd)->bytes;
  CHECK(judge_stored_batch(batch).ok());
  CHECK_FALSE(judge_batch(batch).ok());
  CHECK_FALSE(judge_stored_batch(Bytes(batch).first(batch.size() - 1)).ok());
  batch.back() ^= std::byte{1};
  CHECK(judge_stored_batch(batch).error().code == ErrorCode::corrupt);
}

TEST_CASE("malformed records are an error, not a crash") {
  for (std::size_t at = batch_header_size_bytes; at < make(Codec::none).size(); ++at)
    for (const int value : {0x00, 0x7f, 0xff}) {
      auto batch = make(Codec::none);
      batch[at] = static_cast<std::byte>(value);
      const auto filtered = filter_batch(batch, std::optional<std::int64_t>(5), odd);
      if (filtered.ok() && filtered->what == FilteredBatch::What::changed) CHECK(judge_stored_batch(filtered->bytes).ok());
    }
}

}  // namespace tandem::batch_filter_test
