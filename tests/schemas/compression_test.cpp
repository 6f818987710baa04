#include "schemas/compression.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

namespace tandem {
namespace {

std::vector<std::byte> bytes(std::initializer_list<unsigned> octets) {
  std::vector<std::byte> out;
  for (const unsigned octet : octets) out.push_back(static_cast<std::byte>(octet));
  return out;
}

std::string varied_text(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) text += "line " + std::to_string(i * 7919) + "\n";
  text.resize(size);
  return text;
}

}  // namespace

TEST_CASE("every codec gives back what it took") {
  for (const Codec codec : {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd})
    for (const std::size_t size : {0, 1, 100, 70'000, 1'000'000}) {
      INFO(name(codec), " ", size);
      const auto text = varied_text(size);
      const auto packed = compress(codec, bytes_of(text));
      REQUIRE(packed.ok());
      const auto plain = decompress(codec, *packed);
      REQUIRE(plain.ok());
      CHECK(text_of(*plain) == text);
    }
}

TEST_CASE("a bomb is stopped at the limit") {
  const std::string zeros(10'000'000, '\0');
  for (const Codec codec : {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    INFO(name(codec));
    const auto packed = compress(codec, bytes_of(zeros)).value();
    CHECK(decompress(codec, packed, 1'000'000).error().code == ErrorCode::too_large);
    CHECK(decompress(codec, packed, 10'000'000).value().size() == 10'000'000);
  }
}

TEST_CASE("a truncated stream is corrupt") {
  for (const Codec codec : {Codec::gzip, Codec::lz4, Codec::zstd}) {
    const auto packed = compress(codec, bytes_of(varied_text(3000))).value();
    for (std::size_t size = 0; size < packed.size(); size += 13) {
      INFO(name(codec), " ", size);
      CHECK(decompress(codec, Bytes(packed).first(size)).error().code == ErrorCode::corrupt);
    }
  }
}

TEST_CASE("snappy literals, copies and runs are read") {
  // Length 16; literal "abcd"; copy of 4 from 4 back; copy of 8 from 1 back (a run of 'd').
  const auto block = bytes({16, 3 << 2, 'a', 'b', 'c', 'd', 0x01, 4, 7 << 2 | 2, 1, 0});
  CHECK(text_of(decompress(Codec::snappy, block).value()) == "abcdabcddddddddd");
}

TEST_CASE("snappy in the framing of Java clients is read") {
  auto framed = bytes({0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1});
  for (int block = 0; block < 2; ++block) {
    const auto body = bytes({0, 0, 0, 4, 2, 1 << 2, 'h', 'i'});
    framed.insert(framed.end(), body.begin(), body.end());
  }
  CHECK(text_of(decompress(Codec::snappy, framed).value()) == "hihi");
  framed.pop_back();
  CHECK(decompress(Codec::snappy, framed).error().code == ErrorCode::corrupt);
}

TEST_CASE("malformed snappy is refused") {
  const auto refused = [](std::vector<std::byte> block) {
    return decompress(Codec::snappy, block, 1000).error().code;
  };
  CHECK(refused({}) == ErrorCode::corrupt);
  CHECK(refused(bytes({4, 3 << 2, 'a'})) == ErrorCode::corrupt);                 // literal is cut
  CHECK(refused(bytes({8, 3 << 2, 'a', 'b', 'c', 'd'})) == ErrorCode::corrupt);  // shorter than said
  CHECK(refused(bytes({2, 3 << 2, 'a', 'b', 'c', 'd'})) == ErrorCode::corrupt);  // longer than said
  CHECK(refused(bytes({8, 3 << 2, 'a', 'b', 'c', 'd', 0x01, 5})) ==
        ErrorCode::corrupt);  // from before the start
  CHECK(refused(bytes({8, 3 << 2, 'a', 'b', 'c', 'd', 0x01, 0})) == ErrorCode::corrupt);  // from nowhere
  CHECK(refused(bytes({0xff, 0xff, 0xff, 0xff, 0x0f})) == ErrorCode::too_large);
}

TEST_CASE("an unknown codec is refused") {
  CHECK(compress(static_cast<Codec>(6), {}).error().code == ErrorCode::not_supported);
  CHECK(decompress(static_cast<Codec>(6), {}).error().code == ErrorCode::not_supported);
}

TEST_CASE("a zstd frame gets a window of 32 MiB at most, whatever it asks for") {
  const auto frame = [](std::uint8_t window) {
    const std::uint8_t bytes[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, window, 0x01, 0x00, 0x00};  // one empty block
    std::vector<std::byte> made(sizeof bytes);
    std::memcpy(made.data(), bytes, sizeof bytes);
    return made;
  };
  CHECK(decompress(Codec::zstd, frame(0x78))->empty());
  CHECK(decompress(Codec::zstd, frame(0x80)).error().code == ErrorCode::corrupt);
}

TEST_CASE("a zstd frame of a format before RFC 8878 is refused, wherever it begins") {
  const auto bytes = [](std::initializer_list<int> values) {
    std::vector<std::byte> made;
    for (const int value : values) made.push_back(static_cast<std::byte>(value));
    return made;
  };
  const auto after = [](std::vector<std::byte> first, const std::vector<std::byte>& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
  };
  const auto old = bytes({0x27, 0xb5, 0x2f, 0xfd, 0xa0, 0x90, 0xfe, 0x3a, 0x05, 0x00, 0x47, 0x85, 0xff, 0x0f, 0x45, 0x45});
  const auto skippable = bytes({0x5f, 0x2a, 0x4d, 0x18, 0x02, 0x00, 0x00, 0x00, 'a', 'b'});
  const auto plain = bytes({'x', 'y', 'z'});
  const auto frame = *compress(Codec::zstd, plain);
  CHECK(decompress(Codec::zstd, old).error().code == ErrorCode::corrupt);
  CHECK(decompress(Codec::zstd, after(frame, old)).error().code == ErrorCode::corrupt);
  CHECK(decompress(Codec::zstd, after(skippable, old)).error().code == ErrorCode::corrupt);
  CHECK(*decompress(Codec::zstd, after(skippable, frame)) == plain);
  CHECK(*decompress(Codec::zstd, after(frame, skippable)) == plain);
  CHECK(*decompress(Codec::zstd, after(frame, frame)) == after(plain, plain));
}

}  // namespace tandem
