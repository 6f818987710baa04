#include "client/cli/parse.h"

#include <doctest/doctest.h>

using namespace tandem::cli;

TEST_CASE("durations have a unit, or are milliseconds") {
  CHECK(parse_duration_ms("250") == 250);
  CHECK(parse_duration_ms("250ms") == 250);
  CHECK(parse_duration_ms("30s") == 30'000);
  CHECK(parse_duration_ms("5m") == 300'000);
  CHECK(parse_duration_ms("2h") == 7'200'000);
  CHECK(parse_duration_ms("7d") == 604'800'000);
  for (const char* text :
       {"", "s", "-1s", "1.5s", "1w", "1 s", "99999999999999999999", "9223372036854775807d"}) {
    INFO(text);
    CHECK_FALSE(parse_duration_ms(text));
  }
}

TEST_CASE("sizes count in thousands, or with an i in 1,024") {
  CHECK(parse_size_bytes("512") == 512);
  CHECK(parse_size_bytes("10k") == 10'000);
  CHECK(parse_size_bytes("64KiB") == 65'536);
  CHECK(parse_size_bytes("1MB") == 1'000'000);
  CHECK(parse_size_bytes("1GiB") == 1u << 30);
  for (const char* text : {"", "KiB", "-1", "1TB", "1.5MB", "18446744073709551615GiB"}) {
    INFO(text);
    CHECK_FALSE(parse_size_bytes(text));
  }
}

TEST_CASE("times are ISO 8601 in UTC, with an offset where one is said, or milliseconds") {
  CHECK(parse_time_ms("1970-01-01") == 0);
  CHECK(parse_time_ms("1970-01-02T00:00Z") == 86'400'000);
  CHECK(parse_time_ms("1970-01-01T01:00:01.5Z") == 3'601'500);
  CHECK(parse_time_ms("1970-01-01T02:00+02:00") == 0);
  CHECK(parse_time_ms("2026-11-21T10:00") == 1'795'255'200'000);
  CHECK(parse_time_ms("1234") == 1'234);
  for (const char* text :
       {"", "-1", "1970-13-01", "1970-02-30", "1970-01-01T", "1970-01-01T24:00", "1970-01-01T10:60",
        "1970-01-01T10:00X", "1970-01-01T10:00Zx", "1970-01-01T10:00:00."}) {
    INFO(text);
    CHECK_FALSE(parse_time_ms(text));
  }
}

TEST_CASE("a time that was formatted is read back") {
  for (const std::int64_t ms : {0LL, 1'795'255'200'000LL, 1'795'255'259'999LL})
    CHECK(parse_time_ms(format_time(ms)) == ms);
  CHECK(format_time(1'795'255'200'123) == "2026-11-21T10:00:00.123Z");
}

TEST_CASE("ranges name offsets, places before the end, and times") {
  using Kind = Point::Kind;
  CHECK(parse_range("10:20") == Range{{Kind::offset, 10}, {Kind::offset, 20}});
  CHECK(parse_range("10:") == Range{{Kind::offset, 10}, {}});
  CHECK(parse_range(":20") == Range{{}, {Kind::offset, 20}});
  CHECK(parse_range("10") == Range{{Kind::offset, 10}, {Kind::offset, 11}});
  CHECK(parse_range("-5") == Range{{Kind::from_end, 5}, {}});
  CHECK(parse_range("-10:-5") == Range{{Kind::from_end, 10}, {Kind::from_end, 5}});
  CHECK(parse_range("earliest") == Range{{Kind::offset, 0}, {}});
  CHECK(parse_range("latest") == Range{{Kind::from_end, 0}, {}});
  CHECK(parse_range("@1970-01-01T00:01Z") == Range{{Kind::time, 60'000}, {}});
  CHECK(parse_range("@1970-01-01T00:01Z:@1970-01-01T00:02Z") ==
        Range{{Kind::time, 60'000}, {Kind::time, 120'000}});
  CHECK(parse_range("@1970-01-01T00:01Z:") == Range{{Kind::time, 60'000}, {}});
  for (const char* text : {"", "a", "1:2:3", "1:b", "@", "@x", "--5"}) {
    INFO(text);
    CHECK_FALSE(parse_range(text));
  }
}

TEST_CASE("a point is one end of a range, and no range") {
  using Kind = Point::Kind;
  CHECK(parse_point("10") == Point{Kind::offset, 10});
  CHECK(parse_point("-5") == Point{Kind::from_end, 5});
  CHECK(parse_point("earliest") == Point{Kind::offset, 0});
  CHECK(parse_point("latest") == Point{Kind::from_end, 0});
  CHECK(parse_point("@1970-01-01T00:01Z") == Point{Kind::time, 60'000});
  for (const char* text : {"", ":", "10:", "10:20", "@1970-01-01:", "soon"}) {
    INFO(text);
    CHECK_FALSE(parse_point(text));
  }
}

TEST_CASE("an address has a host, and a port where it is not the usual one") {
  CHECK(parse_address("example:99") == Address{"example", 99});
  CHECK(parse_address("example") == Address{"example", 7171});
  CHECK(parse_address("[::1]:99") == Address{"::1", 99});
  CHECK(parse_address("[::1]") == Address{"::1", 7171});
  CHECK(parse_address("::1") == Address{"::1", 7171});
  for (const char* text :
       {"", ":99", "example:", "example:0", "example:65536", "example:x", "[::1", "[::1]x"}) {
    INFO(text);
    CHECK_FALSE(parse_address(text));
  }
}

TEST_CASE("no text makes the parsers fail otherwise than by saying no") {
  const std::string alphabet = "0159:-@~TZ.+[]=kKMGiBsmhd ";
  std::uint64_t chance = 1;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (chance = chance * 6364136223846793005ull + 1442695040888963407ull; text.size() < (chance >> 60);
         chance ^= chance >> 7)
      text += alphabet[(chance >> (text.size() * 3)) % alphabet.size()];
    if (const auto time = parse_time_ms(text)) CHECK(*time > -100'000'000'000'000);
    (void)parse_range(text);
    (void)parse_address(text);
    (void)parse_duration_ms(text);
    (void)parse_size_bytes(text);
  }
}
