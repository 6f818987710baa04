#include "broker/wire/kafka/codec.h"

#include <doctest/doctest.h>

namespace tandem::wire::kafka::test {
namespace {

struct Inner {
  std::int16_t number = 0;
  std::optional<std::string> note;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.number);
    c(m.note, 2);
  }
};
struct Outer {
  std::string name;
  std::optional<std::vector<Inner>> inners;
  std::vector<std::int32_t> numbers;
  Blob bytes;
  bool flag = false;
  Uuid id;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.name);
    c(m.inners);
    c(m.numbers);
    c(m.bytes);
    c(m.flag, 1, 2);
    c(m.id, 3);
  }
};

std::string write(const Outer& outer, std::int16_t version, bool flexible) {
  Encoded out;
  Writer(out, version, flexible).structure(outer);
  return std::string(text_of(out.bytes));
}

Outer sample() {
  Outer outer;
  outer.name = "orders";
  outer.inners.emplace();
  outer.inners->push_back({7, "seven"});
  outer.inners->push_back({-1, std::nullopt});
  outer.numbers = {1, -2, 3};
  outer.bytes.value = std::string("\0\1\2", 3);
  outer.flag = true;
  outer.id = {1, 2};
  return outer;
}

}  // namespace

TEST_CASE("old versions have 16 and 32 bit lengths") {
  Outer outer;
  outer.name = "ab";
  const std::string expected(
      "\x00\x02"
      "ab"
      "\xff\xff\xff\xff"
      "\x00\x00\x00\x00"
      "\x00\x00\x00\x00",
      16);
  CHECK(write(outer, 0, false) == expected);
}

TEST_CASE("flexible versions have compact lengths and tagged fields at the end") {
  Outer outer;
  outer.name = "ab";
  outer.numbers = {5};
  const std::string expected("\x03\x61\x62\x00\x02\x00\x00\x00\x05\x01\x00", 11);
  CHECK(write(outer, 0, true) == expected);
}

TEST_CASE("what is written is read, in every version and both forms") {
  for (const bool flexible : {false, true})
    for (std::int16_t version = 0; version <= 4; ++version) {
      const std::string bytes = write(sample(), version, flexible);
      Reader reader(bytes_of(bytes), version, flexible);
      Outer read;
      reader.structure(read);
      REQUIRE(reader.whole());
      CHECK(write(read, version, flexible) == bytes);
      CHECK(read.inners->at(0).note == (version >= 2 ? std::optional<std::string>("seven") : std::nullopt));
      CHECK(read.flag == (version == 1 || version == 2));
      CHECK(read.id == (version >= 3 ? Uuid{1, 2} : Uuid{}));
    }
}

TEST_CASE("a message that ends anywhere before its end is not whole") {
  for (const bool flexible : {false, true}) {
    const std::string bytes = write(sample(), 3, flexible);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      Reader reader(bytes_of(bytes).first(size), 3, flexible);
      Outer read;
      reader.structure(read);
      CHECK_FALSE(reader.whole());
    }
    const std::string longer = bytes + 'x';
    Reader reader(bytes_of(longer), 3, flexible);
    Outer read;
    reader.structure(read);
    CHECK(reader.ok());
    CHECK_FALSE(reader.whole());
  }
}

TEST_CASE("an array that claims two billion elements is refused before memory is taken") {
  const std::string bytes("\x7f\xff\xff\xff\x00\x00\x00\x00", 8);
  Reader reader(bytes_of(bytes), 0, false);
  std::vector<std::int32_t> numbers;
  reader(numbers);
  CHECK_FALSE(reader.ok());
  CHECK(numbers.capacity() == 0);
}

TEST_CASE("all arrays of a message together have a limit") {
  const std::size_t half = Reader::elements_max / 2 + 1;
  Encoded out;
  Writer writer(out, 0, false);
  const std::vector<std::int8_t> numbers(half, 1);
  writer(numbers);
  writer(numbers);
  Reader reader(out.bytes, 0, false);
  std::vector<std::int8_t> read;
  reader(read);
  CHECK(reader.ok());
  reader(read);
  CHECK_FALSE(reader.ok());
}

TEST_CASE("lengths below null and texts beyond their limit are refused") {
  const std::string negative("\xff\xfe", 2);
  std::string_view text;
  Reader reader(bytes_of(negative), 0, false);
  reader(text);
  CHECK_FALSE(reader.ok());

  Encoded out;
  const std::string huge(40'000, 'x');
  Writer(out, 0, true)(Blob{huge});  // the same form as a compact text, without a text's limit
  Reader compact(out.bytes, 0, true);
  compact(text);
  CHECK_FALSE(compact.ok());
}

TEST_CASE("tagged fields that are not known are skipped, whole") {
  // no fields; two tags: 0 with 2 bytes, 200 with none
  const std::string bytes("\x02\x00\x02zz\xc8\x01\x00", 8);
  struct Nothing {
    static void describe(Reader&, Nothing&) {}
  } nothing;
  Reader reader(bytes_of(bytes), 0, true);
  reader.structure(nothing);
  CHECK(reader.whole());

  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Reader cut(bytes_of(bytes).first(size), 0, true);
    cut.structure(nothing);
    CHECK_FALSE(cut.ok());
  }
}

TEST_CASE("a varint has 32 bits") {
  std::vector<std::int32_t> numbers;
  for (const std::string& bytes : {std::string("\xff\xff\xff\xff\x1f"), std::string("\xff\xff\xff\xff\xff\x01")}) {
    Reader reader(bytes_of(bytes), 0, true);
    reader(numbers);
    CHECK_FALSE(reader.ok());
  }
}

TEST_CASE("records stay where they lie") {
  const auto batch = std::make_shared<std::string>("batch");
  Encoded out;
  Writer writer(out, 0, false);
  writer(Records{bytes_of(*batch), batch, true});
  writer(std::int8_t{9});
  REQUIRE(out.splices.size() == 1);
  CHECK(out.splices[0].at == 4);
  CHECK(out.splices[0].bytes.data() == bytes_of(*batch).data());
  CHECK(out.size_bytes() == 4 + 5 + 1);
}

}  // namespace tandem::wire::kafka::test
