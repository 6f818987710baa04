#include "client/cli/base64.h"

#include "doctest/doctest.h"

namespace tandem::cli {
namespace {

TEST_CASE("base64 of RFC 4648's examples, both ways") {
  const std::pair<std::string_view, std::string_view> examples[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"}, {"\xff\xfe\xfb", "//77"}};
  for (const auto& [bytes, text] : examples) {
    CHECK(to_base64(bytes) == text);
    CHECK(from_base64(text) == bytes);
  }
}

TEST_CASE("what is not base64 is nothing") {
  for (const std::string_view text : {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zm 9", "Zm9v\n", "=Zg="})
    CHECK_FALSE(from_base64(text));
}

}  // namespace
}  // namespace tandem::cli
