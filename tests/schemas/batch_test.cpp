#include "schemas/batch.h"

#include <doctest/doctest.h>

#include <cstring>
#include <limits>
#include <string>

namespace tandem {
namespace {

struct OwnedRecord {
  std::int64_t offset = 0, timestamp = 0;
  std::optional<std::string> key, value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  friend bool operator==(const OwnedRecord&, const OwnedRecord&) = default;
};

std::optional<std::string> owned(const std::optional<Bytes>& bytes) {
  return bytes ? std::optional(std::string(text_of(*bytes))) : std::nullopt;
}

std::vector<OwnedRecord> records_of(Bytes batch) {
  std::vector<OwnedRecord> records;
  const auto walked = for_each_record(batch, [&](const RecordView& view) {
    OwnedRecord record{view.offset, view.timestamp, owned(view.key), owned(view.value), {}};
    for (const auto& header : view.headers) record.headers.emplace_back(header.key, owned(header.value));
    records.push_back(record);
    return true;
  });
  REQUIRE(walked.ok());
  return records;
}

void fill(BatchBuilder& builder) {
  const RecordHeader headers[] = {
      {"trace", bytes_of("abc")}, {"empty", bytes_of("")}, {"null", std::nullopt}};
  builder.add(1000, bytes_of("k1"), bytes_of("first"), headers);
  builder.add(990, std::nullopt, bytes_of(std::string(5000, 'x')));
  builder.add(2000, bytes_of(""), std::nullopt);
}

const std::vector<OwnedRecord> filled{
    {0, 1000, "k1", "first", {{"trace", "abc"}, {"empty", ""}, {"null", std::nullopt}}},
    {1, 990, std::nullopt, std::string(5000, 'x'), {}},
    {2, 2000, "", std::nullopt, {}},
};

std::vector<std::byte> make(Codec codec = Codec::none) {
  BatchBuilder builder;
  fill(builder);
  return builder.finish(codec).value();
}

}  // namespace

TEST_CASE("what goes into a batch comes out, whatever the codec") {
  for (const Codec codec : {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    INFO(name(codec));
    const auto batch = make(codec);
    const auto header = judge_batch(batch);
    REQUIRE(header.ok());
    CHECK(header->record_count == 3);
    CHECK(header->codec_number() == static_cast<int>(codec));
    CHECK(header->max_timestamp == 2000);
    CHECK(header->producer_id == -1);
    CHECK(records_of(batch) == filled);
  }
}

TEST_CASE("a builder can be used again and says its size beforehand") {
  BatchBuilder builder;
  fill(builder);
  CHECK(builder.record_count() == 3);
  const auto size = builder.size_bytes();
  CHECK(builder.finish().value().size() == size);
  CHECK(builder.empty());
  builder.add(5, std::nullopt, bytes_of("again"));
  const auto batch = builder.finish(Codec::none, {77, 3, 40, true}).value();
  const auto header = judge_batch(batch).value();
  CHECK(header.producer_id == 77);
  CHECK(header.producer_epoch == 3);
  CHECK(header.base_sequence == 40);
  CHECK(header.transactional());
  CHECK(records_of(batch).at(0).value == "again");
}

TEST_CASE("a record is encoded as the format says, octet by octet") {
  // length, attributes, timestamp delta, offset delta, key length, key, value length, value, header count:
  // zigzag varints
  BatchBuilder builder;
  builder.add(1700000000000, bytes_of("k"), bytes_of("v"));
  auto batch = builder.finish().value();
  const unsigned char record[] = {0x10, 0x00, 0x00, 0x00, 0x02, 'k', 0x02, 'v', 0x00};
  REQUIRE(batch.size() == batch_header_size_bytes + sizeof record);
  CHECK(std::memcmp(batch.data() + batch_header_size_bytes, record, sizeof record) == 0);
}

TEST_CASE("offsets are patched without touching the checksum") {
  auto batch = make();
  const auto crc = judge_batch(batch).value().crc;
  patch_base_offset(batch, 123456789012);
  const auto header = judge_batch(batch).value();
  CHECK(header.crc == crc);
  CHECK(header.base_offset == 123456789012);
  CHECK(header.last_offset() == 123456789014);
  CHECK(header.leader_epoch == 0);
  CHECK(records_of(batch).at(2).offset == 123456789014);
}

TEST_CASE("a batch ends before the last offset there is, so that there is one behind it") {
  auto batch = make();
  const auto last_delta = parse_batch_header(batch)->last_offset_delta;
  constexpr auto last_of_all = std::numeric_limits<std::int64_t>::max();
  patch_base_offset(batch, last_of_all - 1 - last_delta);
  REQUIRE(parse_batch_header(batch));
  CHECK(parse_batch_header(batch)->last_offset() + 1 == last_of_all);
  patch_base_offset(batch, last_of_all - last_delta);
  CHECK(parse_batch_header(batch).error().code == ErrorCode::corrupt);
}

TEST_CASE("log append time replaces every record's timestamp") {
  auto batch = make(Codec::zstd);
  patch_log_append_time(batch, 777);
  const auto header = judge_batch(batch);
  REQUIRE(header.ok());
  CHECK(header->log_append_time());
  for (const auto& record : records_of(batch)) CHECK(record.timestamp == 777);
}

TEST_CASE("each flipped byte behind the leader epoch is noticed") {
  const auto batch = make();
  for (std::size_t i = batch_size_prefix_bytes + 4; i < batch.size(); i += i < 100 ? 1 : 97) {
    auto damaged = batch;
    damaged[i] ^= std::byte{0x40};
    INFO("byte ", i);
    CHECK_FALSE(judge_batch(damaged).ok());
  }
}

TEST_CASE("each truncation is noticed") {
  const auto batch = make();
  for (std::size_t size = 0; size < batch.size(); ++size)
    CHECK_FALSE(judge_batch(Bytes(batch).first(size)).ok());
  auto longer = batch;
  longer.push_back({});
  CHECK_FALSE(judge_batch(longer).ok());
}

TEST_CASE("malformed records behind a right header are refused, never overread") {
  // for_each_record() does not look at the checksum, so that every byte can be damaged here.
  for (const Codec codec : {Codec::none, Codec::lz4, Codec::zstd, Codec::gzip}) {
    const auto batch = make(codec);
    for (std::size_t i = batch_header_size_bytes; i < batch.size(); i += i < 200 ? 1 : 131)
      for (const unsigned flip : {0x01u, 0x80u, 0xffu}) {
        auto damaged = batch;
        damaged[i] ^= static_cast<std::byte>(flip);
        (void)for_each_record(
            damaged, [](const RecordView& record) { return !record.value || record.value->size() <= 5000; });
      }
  }
  auto batch = make();
  batch[batch_header_size_bytes] = std::byte{0xfe};  // the first record claims to be longer than it is
  CHECK(for_each_record(batch, [](const RecordView&) { return true; }).error().code == ErrorCode::corrupt);
}

TEST_CASE("old message formats are named, not called corrupt") {
  auto batch = make();
  batch[16] = std::byte{1};
  CHECK(judge_batch(batch).error().code == ErrorCode::not_supported);
}

TEST_CASE("a marker says commit or abort, and is a control batch") {
  for (const bool commit : {true, false}) {
    const auto batch = make_marker_batch(99, 4, commit, 1234);
    const auto header = judge_batch(batch).value();
    CHECK(header.control());
    CHECK(header.transactional());
    CHECK(header.producer_id == 99);
    CHECK(header.producer_epoch == 4);
    CHECK(header.base_sequence == -1);
    CHECK(marker_is_commit(batch).value() == commit);
  }
  CHECK_FALSE(marker_is_commit(make()).ok());
}

TEST_CASE("visiting stops when the visitor has enough") {
  int seen = 0;
  REQUIRE(for_each_record(make(), [&](const RecordView&) { return ++seen < 2; }).ok());
  CHECK(seen == 2);
}

}  // namespace tandem
