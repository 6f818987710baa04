#include "broker/storage/lmdb.h"

#include <doctest/doctest.h>

#include <fstream>
#include <map>

#include "tests/storage/file_support.h"

namespace tandem::storage {
namespace {

LmdbChanges puts(std::vector<LmdbChanges::Put> all) {
  return {{}, std::move(all)};
}

std::map<std::string, std::string> content(const Lmdb& lmdb, std::string_view prefix = "") {
  std::map<std::string, std::string> found;
  REQUIRE(lmdb.for_each(prefix,
                        [&](std::string_view key, std::string_view value) {
                          found.emplace(key, value);
                          return Result<>{};
                        })
              .ok());
  return found;
}

}  // namespace

TEST_CASE("what was committed is found again, in key order and by prefix") {
  test::TemporaryDirectory directory;
  {
    const auto lmdb = Lmdb::open(directory.path()).value();
    REQUIRE(lmdb->commit(puts({{"a1", "x"}, {"a2", ""}, {"b1", "z"}})).ok());
  }
  const auto lmdb = Lmdb::open(directory.path()).value();
  CHECK(content(*lmdb) == std::map<std::string, std::string>{{"a1", "x"}, {"a2", ""}, {"b1", "z"}});
  CHECK(content(*lmdb, "a").size() == 2);
  CHECK(lmdb->get("b1").value() == "z");
  CHECK_FALSE(lmdb->get("b2").value().has_value());
  CHECK(lmdb->check_count().ok());
}

TEST_CASE("keys that come behind all others fill their pages, and go in between others as well") {
  test::TemporaryDirectory directory;
  const auto lmdb = Lmdb::open(directory.path()).value();
  const auto numbered = [](int from, int to, int step) {
    std::vector<LmdbChanges::Put> all;
    for (int i = from; i < to; i += step) all.push_back({"z" + std::to_string(i + 100'000), std::string(80, 'v')});
    return all;
  };
  constexpr int half = 10'000;
  std::size_t stored_bytes = 0;
  for (const auto& put : numbered(0, half, 1)) stored_bytes += put.key.size() + put.value.size() + 2 + 5 + 8 + 2;
  REQUIRE(lmdb->commit(puts(numbered(0, half, 1))).ok());
  CHECK(lmdb->size_bytes() < stored_bytes * 5 / 4);
  REQUIRE(lmdb->commit({{{"z109", {}, 0}}, numbered(half, 2 * half, 2)}).ok());
  auto between = numbered(half + 1, 2 * half, 2);
  between.push_back({"a", "before all"});
  REQUIRE(lmdb->commit(puts(std::move(between))).ok());
  CHECK(content(*lmdb, "z").size() == 2 * half - 1'000);
  CHECK(lmdb->get("a").value() == "before all");
  CHECK(lmdb->check_count().ok());
}

TEST_CASE("large commits follow each other, and all of them are there") {
  test::TemporaryDirectory directory;
  constexpr int commits = 3, each = 3'000;
  {
    const auto lmdb = Lmdb::open(directory.path()).value();
    for (int commit = 0; commit < commits; ++commit) {
      std::vector<LmdbChanges::Put> all;
      for (int i = 0; i < each; ++i) all.push_back({"k" + std::to_string(i * commits + commit + 100'000), std::string(200, 'v')});
      REQUIRE(lmdb->commit(puts(std::move(all))).ok());
      REQUIRE(lmdb->commit(puts({{"last", std::to_string(commit)}})).ok());
      CHECK(content(*lmdb, "k").size() == static_cast<std::size_t>((commit + 1) * each));
    }
    CHECK(lmdb->check_count().ok());
  }
  const auto lmdb = Lmdb::open(directory.path()).value();
  CHECK(content(*lmdb, "k").size() == commits * each);
  CHECK(lmdb->get("last").value() == "2");
  CHECK(lmdb->check_count().ok());
}

TEST_CASE("a long value is cut into chunks, and a shorter one leaves none of them behind") {
  test::TemporaryDirectory directory;
  const auto lmdb = Lmdb::open(directory.path()).value();
  for (const std::size_t size : {10'000, 1'900, 1'901, 100'000, 0, 3'800, 5}) {
    const std::string value(size, static_cast<char>('a' + size % 26));
    REQUIRE(lmdb->commit(puts({{"k", value}, {"l", "other"}})).ok());
    CHECK(lmdb->get("k").value() == value);
    CHECK(lmdb->get("l").value() == "other");
    CHECK(content(*lmdb).size() == 2);
    CHECK(lmdb->check_count().ok());
  }
}

TEST_CASE("erasures come first: a key that is erased and put is there") {
  test::TemporaryDirectory directory;
  const auto lmdb = Lmdb::open(directory.path()).value();
  REQUIRE(lmdb->commit(puts({{"o11g1", "a"}, {"o12g1", "b"}, {"o12g2", std::string(5000, 'c')}, {"p", "d"}}))
              .ok());
  REQUIRE(lmdb->commit({{{"o", "g1", 2}}, {{"o11g1", "new"}}}).ok());
  CHECK(content(*lmdb, "o") ==
        std::map<std::string, std::string>{{"o11g1", "new"}, {"o12g2", std::string(5000, 'c')}});
  REQUIRE(lmdb->commit({{{"o", "", 0}}, {}}).ok());
  CHECK(content(*lmdb) == std::map<std::string, std::string>{{"p", "d"}});
  CHECK(lmdb->check_count().ok());
}

TEST_CASE("the map grows when it is full") {
  test::TemporaryDirectory directory;
  const auto lmdb = Lmdb::open(directory.path()).value();
  LmdbChanges changes;
  for (int i = 0; i < 1500; ++i) changes.puts.push_back({"k" + std::to_string(i), std::string(60'000, 'v')});
  REQUIRE(lmdb->commit(changes).ok());  // 90 MB, where the map starts with 64
  CHECK(lmdb->get("k1499").value()->size() == 60'000);
  CHECK(lmdb->size_bytes() > (80u << 20));
}

TEST_CASE("a damaged value is named, not served") {
  test::TemporaryDirectory directory;
  const std::string needle(300, 'N');
  std::string path;
  {
    const auto lmdb = Lmdb::open(directory.path()).value();
    REQUIRE(lmdb->commit(puts({{"key", needle}, {"other", "fine"}})).ok());
    path = lmdb->path();
  }
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  int flipped = 0;
  for (std::size_t at = bytes.find(needle); at != std::string::npos;
       at = bytes.find(needle, at + 1), ++flipped)
    file.seekp(static_cast<std::streamoff>(at + 100)).put('M');
  file.close();
  REQUIRE(flipped > 0);
  const auto lmdb = Lmdb::open(directory.path()).value();
  const auto read = lmdb->get("key");
  REQUIRE_FALSE(read.ok());
  CHECK(read.error().code == ErrorCode::corrupt);
  CHECK(read.error().text.find("key") != std::string::npos);
  CHECK(lmdb->get("other").value() == "fine");
}

TEST_CASE(
    "a flipped bit anywhere in the file is refused or does not matter: no key is lost, and nothing crashes") {
  test::TemporaryDirectory directory;
  std::map<std::string, std::string> expected;
  std::string path;
  {
    const auto lmdb = Lmdb::open(directory.path()).value();
    path = lmdb->path();
    for (int round = 0; round < 3; ++round) {
      LmdbChanges changes;
      for (int i = 0; i < 200; ++i) {
        const std::string key = "key" + std::to_string(i);
        changes.puts.push_back({key, std::string(static_cast<std::size_t>(i), 'v')});
        expected[key] = changes.puts.back().value;
      }
      REQUIRE(lmdb->commit(changes).ok());
    }
  }
  std::ifstream whole(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(whole)), {});
  int refused = 0, harmless = 0;
  const auto flip = [&](std::size_t position, unsigned bit) {
    INFO("byte ", position, " bit ", bit);
    std::string damaged = bytes;
    damaged[position] = static_cast<char>(damaged[position] ^ (1 << bit));
    std::ofstream(path, std::ios::binary) << damaged;
    const auto lmdb = Lmdb::open(directory.path(), true);
    std::map<std::string, std::string> found;
    const bool good = lmdb.ok() && (*lmdb)->check_count().ok() &&
                      (*lmdb)
                          ->for_each("",
                                     [&](std::string_view key, std::string_view value) {
                                       found.emplace(key, value);
                                       return Result<>{};
                                     })
                          .ok();
    if (good) CHECK(found == expected);
    (good ? harmless : refused) += 1;
  };
  for (std::size_t page = 0; page < bytes.size() / 4096; ++page)
    for (std::size_t offset = 0; offset < 160; offset += 3) flip(page * 4096 + offset, offset % 8);
  for (std::size_t position = 0; position < bytes.size(); position += 211) flip(position, position % 8);
  CHECK(refused > 100);
  CHECK(harmless > 100);
}

}  // namespace tandem::storage
