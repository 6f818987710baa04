#include "schemas/record_scan.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "schemas/batch.h"

namespace tandem {
namespace {

using Buffer = std::vector<std::byte>;

Buffer records_of(BatchBuilder& builder) {
  const Buffer batch = builder.finish().value();
  return {batch.begin() + batch_header_size_bytes, batch.end()};
}

/// Three records: with a key, without one, with headers; sizes of one and two octets.
Buffer three() {
  BatchBuilder builder;
  const std::string value(200, 'v');
  const RecordHeader headers[] = {{"a", bytes_of(value)}, {"b", std::nullopt}};
  builder.add(1'000, bytes_of("key"), bytes_of(value));
  builder.add(500, std::nullopt, std::nullopt);
  builder.add(1'000'000'000, bytes_of(""), bytes_of("x"), headers);
  return records_of(builder);
}

TEST_CASE("records as a producer writes them are good, and the first one without a key is told") {
  const RecordScan scan = scan_records(three(), 3);
  CHECK_FALSE(scan.malformed);
  CHECK(scan.without_key == 1);
  BatchBuilder keyed;
  for (int i = 0; i < 20'000; ++i) keyed.add(i, bytes_of("k"), bytes_of("v"));
  const RecordScan all = scan_records(records_of(keyed), 20'000);  // offset deltas of three octets
  CHECK_FALSE(all.malformed);
  CHECK_FALSE(all.without_key);
}

TEST_CASE("a count that is not that of the records is told where it shows") {
  const Buffer records = three();
  CHECK(scan_records(records, 4).malformed == 3);
  CHECK(scan_records(records, 2).malformed == 2);
  CHECK(scan_records({}, 1).malformed == 0);
  CHECK_FALSE(scan_records({}, 0).malformed);
}

TEST_CASE("every truncation and every octet too many is malformed") {
  const Buffer records = three();
  for (std::size_t size = 0; size < records.size(); ++size) CHECK(scan_records(Bytes(records).first(size), 3).malformed);
  Buffer longer = records;
  longer.push_back({});
  CHECK(scan_records(longer, 3).malformed == 3);
}

/// One record of these octets behind its size.
bool is_good(std::initializer_list<int> octets, std::int32_t count = 1) {
  Buffer record{static_cast<std::byte>(octets.size() * 2)};
  for (const int octet : octets) record.push_back(static_cast<std::byte>(octet));
  return !scan_records(record, count).malformed;
}

TEST_CASE("a record's own sizes must fill it exactly, and its offset must be the next") {
  // attributes, timestamp delta, offset delta, key size, value size, headers
  CHECK(is_good({0, 0, 0, 1, 1, 0}));
  CHECK(is_good({0, 0, 0, 2, 'k', 2, 'v', 0}));
  CHECK_FALSE(is_good({0, 0, 2, 1, 1, 0}));           // offset delta 1 of the first record
  CHECK_FALSE(is_good({0, 0, 1, 1, 1, 0}));           // offset delta -1
  CHECK_FALSE(is_good({0, 0, 0, 3, 1, 0}));           // key of -2 bytes
  CHECK_FALSE(is_good({0, 0, 0, 4, 'k', 1, 0}));      // key reaches over the value's size
  CHECK_FALSE(is_good({0, 0, 0, 1, 20, 'v', 0}));     // value reaches over the end
  CHECK_FALSE(is_good({0, 0, 0, 1, 1, 0, 0}));        // an octet is left
  CHECK_FALSE(is_good({0, 0, 0, 1, 1, 1}));           // -1 headers
  CHECK_FALSE(is_good({0, 0, 0, 1, 1, 2}));           // a header is not there
  CHECK(is_good({0, 0, 0, 1, 1, 2, 2, 'h', 1}));      // a header without a value
  CHECK_FALSE(is_good({0, 0, 0, 1, 1, 2, 1, 1}));     // a header without a key
  CHECK_FALSE(is_good({0, 0, 0, 1, 1, 0xFE, 0xFF, 0xFF, 0xFF, 0x0F}));  // two billion headers
  CHECK(is_good({0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0, 1, 1, 0}));  // the least timestamp
  CHECK_FALSE(is_good({0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02, 0, 1, 1, 0}));
}

/// What the walk that readers use says; it lets offsets be missing, as in compacted batches.
bool reads(Bytes records, std::int32_t count, bool& dense) {
  BatchBuilder builder;
  for (std::int32_t i = 0; i < count; ++i) builder.add(0, std::nullopt, std::nullopt);
  Buffer batch = builder.finish().value();
  batch.resize(batch_header_size_bytes);
  batch.insert(batch.end(), records.begin(), records.end());
  const auto length = static_cast<std::uint32_t>(batch.size() - batch_size_prefix_bytes);
  for (int i = 0; i < 4; ++i) batch[8 + static_cast<std::size_t>(i)] = static_cast<std::byte>(length >> (24 - 8 * i));
  std::int64_t next = 0;
  dense = true;
  const auto walked = for_each_record(batch, [&](const RecordView& record) {
    dense = dense && record.offset == next++;
    return true;
  });
  return walked.ok();
}

TEST_CASE("whatever is scanned as good is read as good, and the other way round but for missing offsets and keys of headers") {
  std::mt19937 random(7);
  const Buffer good = three();
  int agreed = 0;
  for (int i = 0; i < 20'000; ++i) {
    Buffer changed = good;
    for (int flips = 1 + static_cast<int>(random() % 2); flips > 0; --flips)
      changed[random() % changed.size()] = static_cast<std::byte>(random());
    bool dense = false;
    const bool scanned = !scan_records(changed, 3).malformed, read = reads(changed, 3, dense);
    if (scanned) CHECK((read && dense));
    agreed += scanned == (read && dense);
  }
  CHECK(agreed == 20'000);
}

}  // namespace
}  // namespace tandem
