#include "broker/storage/record_codec.h"

#include <doctest/doctest.h>

#include <set>

#include "broker/storage/record_codec_io.h"
#include "tests/storage/record_codec_samples.h"

using namespace tandem;
using storage::decode_record;
using storage::encode_record;

TEST_CASE("every kind of record reads back as it was written") {
  const auto samples = test::sample_records();
  std::set<std::size_t> kinds;
  for (const core::Record& record : samples) {
    kinds.insert(record.index());
    const auto bytes = encode_record(record);
    CHECK(bytes.size() <= storage::encoded_size_max_bytes(record));
    const auto decoded = decode_record(bytes);
    REQUIRE(decoded.ok());
    CHECK(*decoded == record);
  }
  CHECK(kinds.size() == std::variant_size_v<core::Record>);
}

TEST_CASE("an encoded record ends by itself") {
  for (const core::Record& record : test::sample_records()) {
    auto bytes = encode_record(record);
    const std::size_t size = bytes.size();
    bytes.resize(size + 20, std::byte{0xEE});
    std::size_t consumed = 0;
    const auto decoded = decode_record(bytes, &consumed);
    REQUIRE(decoded.ok());
    CHECK(consumed == size);
    CHECK(decode_record(bytes).error().code == ErrorCode::corrupt);
  }
}

TEST_CASE("a record that is cut off anywhere is refused") {
  for (const core::Record& record : test::sample_records()) {
    const auto bytes = encode_record(record);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      CHECK(decode_record(cut).error().code == ErrorCode::corrupt);
    }
  }
}

TEST_CASE("no changed byte makes the decoder read outside or give an unexpected kind of answer") {
  for (const core::Record& record : test::sample_records()) {
    const auto bytes = encode_record(record);
    for (std::size_t at = 0; at < bytes.size(); ++at)
      for (const int value : {0x00, 0x01, 0x7F, 0x80, 0xFF}) {
        auto changed = bytes;
        changed[at] = static_cast<std::byte>(value);
        std::size_t consumed = 0;
        const auto decoded = decode_record(changed, &consumed);
        if (decoded.ok())
          CHECK(consumed <= changed.size());
        else
          CHECK((decoded.error().code == ErrorCode::corrupt ||
                 decoded.error().code == ErrorCode::not_supported));
      }
  }
}

TEST_CASE("a user that was written before it had permissions is read, and may do everything") {
  const core::UserDeclared user{.name = "app",
                                .password_kind = core::PasswordKind::sha512,
                                .password_hash = std::string(68, 'h'),
                                .tags = {"administrator", "x"},
                                .permitted = true};
  auto bytes = encode_record(user);
  bytes.resize(bytes.size() - 3 * (1 + user.permissions.read.size()));
  bytes.front() = std::byte{0x2D};
  const auto decoded = decode_record(bytes);
  REQUIRE(decoded.ok());
  CHECK(*decoded == core::Record(user));
  CHECK(std::get<core::UserDeclared>(*decoded).permissions == core::Permissions{".*", ".*", ".*"});
  CHECK(encode_record(*decoded).front() == std::byte{0x2F});
}

TEST_CASE("a return that was written when each message had its own is read") {
  const core::Requeued returned{.queue = QueueId(4), .first = 12, .count = 1, .deliveries = 3, .durable = true};
  auto bytes = encode_record(returned);
  CHECK(bytes.front() == std::byte{0x30});
  bytes.pop_back();
  bytes.front() = std::byte{0x15};
  const auto decoded = decode_record(bytes);
  REQUIRE(decoded.ok());
  CHECK(*decoded == core::Record(returned));
}

TEST_CASE("a record type from a newer version is named") {
  const std::vector<std::byte> bytes{std::byte{0xF0}, std::byte{1}};
  const auto decoded = decode_record(bytes);
  REQUIRE(!decoded.ok());
  CHECK(decoded.error().code == ErrorCode::not_supported);
  CHECK(decoded.error().text.find("0xF0") != std::string::npos);
  CHECK(decoded.error().text.find("newer version") != std::string::npos);
}

TEST_CASE("an everyday message costs at most twenty bytes in the journal") {
  const core::Enqueued record{
      .queue = QueueId(9'999),
      .entry = {.seq = 1'000'000, .body = {100ull << 30}, .size_bytes = 1'100, .durable = true},
      .reserved = true};
  CHECK(encode_record(record).size() <= 20);
}

TEST_CASE("varints take the extremes and refuse what does not fit 64 bits") {
  using namespace storage::codec;
  for (const std::uint64_t value : {0ull, 1ull, 127ull, 128ull, 1ull << 35, ~0ull}) {
    std::byte bytes[varint_size_max_bytes];
    std::uint64_t back = 0;
    const std::byte* end = put_varint(bytes, value);
    CHECK(get_varint(bytes, end, back) == end);
    CHECK(back == value);
    CHECK(get_varint(bytes, end - 1, back) == nullptr);
  }
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min(),
        std::numeric_limits<std::int64_t>::max()})
    CHECK(unzigzag(zigzag(value)) == value);
  const std::vector<std::byte> endless(11, std::byte{0xFF});
  std::uint64_t value = 0;
  CHECK(get_varint(endless.data(), endless.data() + endless.size(), value) == nullptr);
}
