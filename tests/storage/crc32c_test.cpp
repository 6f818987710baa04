#include "schemas/crc32c.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using tandem::bytes_of;
using tandem::crc32c;

TEST_CASE("the checksum is CRC-32C as RFC 3720 gives it") {
  CHECK(crc32c(bytes_of("123456789")) == 0xE3069283);
  CHECK(crc32c({}) == 0);
  CHECK(crc32c(std::vector<std::byte>(32)) == 0x8A9136AA);
  CHECK(crc32c(std::vector<std::byte>(32, std::byte{0xFF})) == 0x62A8AB43);
}

TEST_CASE("a checksum goes on from the bytes before, wherever they are split") {
  const std::string text = "stored bytes are judged when they are read";
  for (std::size_t split = 0; split <= text.size(); ++split) {
    const auto front = crc32c(bytes_of(text.substr(0, split)));
    CHECK(crc32c(bytes_of(text.substr(split)), front) == crc32c(bytes_of(text)));
  }
}
