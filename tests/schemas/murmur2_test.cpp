#include "schemas/murmur2.h"

#include <doctest/doctest.h>

namespace tandem {
namespace {

std::int32_t hash_of(std::string_view text) {
  return static_cast<std::int32_t>(murmur2(bytes_of(text)));
}

}  // namespace

TEST_CASE("murmur2 gives the values that Kafka's clients compute") {
  CHECK(hash_of("21") == -973932308);
  CHECK(hash_of("foobar") == -790332482);
  CHECK(hash_of("a-little-bit-long-string") == -985981536);
  CHECK(hash_of("a-little-bit-longer-string") == -1486304829);
  CHECK(hash_of("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8") == -58897971);
  CHECK(hash_of("abc") == 479470107);
}

TEST_CASE("a key's partition is its positive hash modulo the partitions") {
  CHECK(partition_of_key(bytes_of("foobar"), 1) == 0);
  CHECK(partition_of_key(bytes_of("abc"), 10) == 7);
  CHECK(partition_of_key(bytes_of("21"), 100) == (-973932308 & 0x7fffffff) % 100);
  for (const std::string_view key : {"", "a", "ab", "abc", "abcd", "abcde"}) {
    const std::int32_t partition = partition_of_key(bytes_of(key), 12);
    CHECK(partition >= 0);
    CHECK(partition < 12);
  }
}

}  // namespace tandem
