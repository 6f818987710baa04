// Which bytes are text.
#include "schemas/utf8.h"

#include <doctest/doctest.h>

#include <cstdint>

namespace tandem {
namespace {

std::string encode(std::uint32_t point) {
  const auto tail = [point](int shift) { return static_cast<char>(0x80 | ((point >> shift) & 0x3F)); };
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {static_cast<char>(0xC0 | (point >> 6)), tail(0)};
  if (point < 0x10000) return {static_cast<char>(0xE0 | (point >> 12)), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | (point >> 18)), tail(12), tail(6), tail(0)};
}

}  // namespace

TEST_CASE("every character of Unicode is UTF-8, and no surrogate is") {
  for (std::uint32_t point = 0; point < 0x110000; ++point)
    if (is_utf8(encode(point)) != (point < 0xD800 || point > 0xDFFF)) FAIL("at " << point);
  CHECK_FALSE(is_utf8(encode(0x110000)));
}

TEST_CASE("a character that is cut off, too long, or begins in its middle is not UTF-8") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("Bestellungen für Zürich 🐦"));
  for (const char* bad : {"\x80", "a\xBF", "\xC3", "\xE2\x82", "\xF0\x9F\x90", "\xC0\xAF", "\xE0\x80\xAF",
                          "\xF0\x80\x80\xAF", "\xC3(", "\xE2(\xA1", "\xF5\x80\x80\x80", "\xFF", "ok \xFE"})
    CHECK_FALSE(is_utf8(bad));
}

TEST_CASE("bytes that are no text are shown as numbers") {
  CHECK(escaped("plain") == "plain");
  CHECK(escaped("a\xFF\x0A") == "a\\xFF\n");
}

}  // namespace tandem
