#include "client/fetched_batch.h"

#include <doctest/doctest.h>

#include "client/record_batch.h"

using namespace tandem;
using namespace tandem::client;

namespace {

const auto topic = std::make_shared<const std::string>("t");

std::vector<std::byte> batch_at(Offset base, const std::vector<std::string>& values,
                                Codec codec = Codec::none, BatchProducer producer = {}) {
  BatchBuilder builder;
  const std::string header_value = "v";
  const std::vector<RecordHeader> headers{{"h", tandem::bytes_of(header_value)}, {"empty", std::nullopt}};
  for (const auto& value : values)
    builder.add(1'000, tandem::bytes_of("key"), tandem::bytes_of(value), headers);
  auto batch = builder.finish(codec, producer);
  REQUIRE(batch);
  patch_base_offset(*batch, base);
  return *batch;
}

FetchedBatch decode(const std::vector<std::byte>& batch, Offset from = 0) {
  AbortedFilter filter;
  FetchedBatch out;
  const auto owner = std::make_shared<std::vector<std::byte>>(batch);
  REQUIRE(decode_batch(*owner, owner, {topic, 3, from}, filter, out));
  return out;
}

}  // namespace

TEST_CASE("a batch gives its records whatever its codec, and they outlive what was received") {
  for (const auto codec : {Codec::none, Codec::lz4, Codec::zstd, Codec::gzip, Codec::snappy}) {
    INFO(name(codec));
    const auto decoded = decode(batch_at(40, {"one", "", "three"}, codec));
    REQUIRE(decoded.records.size() == 3);
    CHECK(decoded.end_offset == 43);
    const auto& last = decoded.records[2];
    CHECK(last.offset == 42);
    CHECK(last.partition == 3);
    CHECK(*last.topic == "t");
    CHECK(last.timestamp == 1'000);
    CHECK(last.key == "key");
    CHECK(last.value == "three");
    REQUIRE(last.headers.size() == 2);
    CHECK(last.headers[0].first == "h");
    CHECK(last.headers[0].second == "v");
    CHECK(last.headers[1].first == "empty");
    CHECK_FALSE(last.headers[1].second);
    CHECK(decoded.records[1].value == "");
  }
}

TEST_CASE("records before the position are left out") {
  const auto decoded = decode(batch_at(40, {"a", "b", "c"}), 42);
  REQUIRE(decoded.records.size() == 1);
  CHECK(decoded.records[0].value == "c");
}

TEST_CASE("a damaged batch is corrupt and gives nothing") {
  auto batch = batch_at(0, {"a", "b"});
  batch.back() ^= std::byte{1};
  AbortedFilter filter;
  FetchedBatch out;
  const auto decoded = decode_batch(batch, nullptr, {topic, 0, 0}, filter, out);
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().code == ErrorCode::corrupt);
  CHECK(out.empty());
}

TEST_CASE("only whole batches count, a tail that is cut off does not") {
  auto bytes = batch_at(0, {"a", "b"});
  const auto second = batch_at(2, {"c"});
  bytes.insert(bytes.end(), second.begin(), second.end() - 1);
  CHECK(end_of_batches(bytes, 0) == 2);
  bytes.push_back(second.back());
  CHECK(end_of_batches(bytes, 0) == 3);
  CHECK(end_of_batches({}, 9) == 9);
}

TEST_CASE("batches of an aborted transaction are left out until its marker, those of others are not") {
  BatchProducer producer;
  producer.id = 5;
  producer.epoch = 0;
  producer.base_sequence = 0;
  producer.transactional = true;
  auto other = producer;
  other.id = 6;
  auto marker = make_marker_batch(5, 0, false, 1'000);
  patch_base_offset(marker, 12);

  AbortedFilter filter;
  filter.start({{5, 10}});
  auto count = [&](const std::vector<std::byte>& batch) {
    FetchedBatch out;
    REQUIRE(decode_batch(batch, nullptr, {topic, 0, 0}, filter, out));
    return out.records.size();
  };
  CHECK(count(batch_at(9, {"before"}, Codec::none, producer)) == 1);
  CHECK(count(batch_at(10, {"aborted"}, Codec::none, producer)) == 0);
  CHECK(count(batch_at(11, {"other"}, Codec::none, other)) == 1);
  CHECK(count(marker) == 0);
  CHECK(count(batch_at(13, {"after"}, Codec::none, producer)) == 1);
}

TEST_CASE("a batch over the broker's limit is refused before it is sent") {
  const std::string half(9u << 20, 'x');
  const Record record{.value = half};
  const std::vector<Record> records{record, record};
  CHECK(encode_batch(records, Codec::none).error().code == ErrorCode::too_large);
  CHECK(encode_batch(records, Codec::zstd));
  CHECK(encode_batch({}, Codec::none).error().code == ErrorCode::invalid_argument);
}
