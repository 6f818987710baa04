#include "broker/wire/outbox.h"

#include <doctest/doctest.h>

#include <cstring>
#include <random>
#include <string>

using namespace tandem;
using wire::Outbox;
using wire::Owner;

namespace {

std::string text_in(const Outbox& outbox) {
  std::vector<Bytes> pieces;
  outbox.gather(pieces, 1'000'000);
  std::string text;
  for (const Bytes piece : pieces) text += text_of(piece);
  return text;
}

std::size_t piece_count(const Outbox& outbox) {
  std::vector<Bytes> pieces;
  outbox.gather(pieces, 1'000'000);
  return pieces.size();
}

Bytes bytes_in(const std::shared_ptr<std::string>& text) {
  return bytes_of(*text);
}

}  // namespace

TEST_CASE("small writes are copied together into one piece") {
  Outbox outbox;
  outbox.write(bytes_of("one "));
  std::memcpy(outbox.extend(4), "two ", 4);
  const auto small = std::make_shared<std::string>("three");
  outbox.write_owned(bytes_in(small), small);
  CHECK(small.use_count() == 1);
  CHECK(text_in(outbox) == "one two three");
  CHECK(piece_count(outbox) == 1);
  CHECK(outbox.size_bytes() == 13);
}

TEST_CASE("a large body is referenced where it lies and kept alive until it is written") {
  Outbox outbox;
  const auto large = std::make_shared<std::string>(Outbox::reference_min_bytes, 'x');
  outbox.write(bytes_of("<"));
  outbox.write_owned(bytes_in(large), large);
  outbox.write(bytes_of(">"));
  CHECK(large.use_count() == 2);

  std::vector<Bytes> pieces;
  outbox.gather(pieces, 16);
  REQUIRE(pieces.size() == 3);
  CHECK(pieces[1].data() == bytes_in(large).data());

  outbox.consume(large->size());  // the first byte and all but one of the body
  CHECK(large.use_count() == 2);
  outbox.consume(1);
  CHECK(large.use_count() == 1);
  CHECK(text_in(outbox) == ">");
}

TEST_CASE("an outbox that owns what it has keeps nobody else's memory, nor what was written of it") {
  Outbox outbox;
  const auto first = std::make_shared<std::string>(10'000, 'x'), second = std::make_shared<std::string>(5'000, 'y');
  outbox.write_owned(bytes_in(first), first);
  outbox.write(bytes_of("|"));
  outbox.write_owned(bytes_in(second), second);
  outbox.consume(9'990);
  CHECK(outbox.own() == 10 + 5'000);
  CHECK(first.use_count() == 1);
  CHECK(second.use_count() == 1);
  CHECK(text_in(outbox) == std::string(10, 'x') + "|" + *second);
  CHECK(outbox.own() == 0);
  outbox.consume(12);
  CHECK(text_in(outbox) == second->substr(1));
}

TEST_CASE("a large body without an owner is copied") {
  Outbox outbox;
  std::string large(Outbox::reference_min_bytes * 2, 'x');
  outbox.write_owned(bytes_of(large), nullptr);
  large.assign(large.size(), 'y');
  CHECK(text_in(outbox) == std::string(large.size(), 'x'));
}

TEST_CASE("gathering stops at the number of pieces asked for") {
  Outbox outbox;
  const auto large = std::make_shared<std::string>(Outbox::reference_min_bytes, 'x');
  for (int i = 0; i < 5; ++i) outbox.write_owned(bytes_in(large), large);
  std::vector<Bytes> pieces;
  outbox.gather(pieces, 3);
  CHECK(pieces.size() == 3);
}

TEST_CASE("an outbox that was written is empty and can be used again") {
  Outbox outbox;
  outbox.write(bytes_of("first"));
  outbox.consume(5);
  CHECK(outbox.empty());
  CHECK(piece_count(outbox) == 0);
  outbox.write(bytes_of("second"));
  CHECK(text_in(outbox) == "second");
}

TEST_CASE("whatever is written comes out in order however it is consumed") {
  std::mt19937 random(7);
  Outbox outbox;
  std::string expected;
  std::size_t written = 0;
  for (int round = 0; round < 3'000; ++round) {
    const std::size_t size = random() % 3 == 0 ? random() % 20'000 : random() % 50;
    const auto text = std::make_shared<std::string>(size, static_cast<char>('a' + round % 26));
    outbox.write_owned(bytes_in(text), random() % 2 ? Owner(text) : Owner());
    expected += *text;
    REQUIRE(outbox.size_bytes() == expected.size() - written);
    if (random() % 8 == 0) outbox.own();
    const std::size_t consumed = outbox.empty() ? 0 : random() % (outbox.size_bytes() + 1);
    std::string out = text_in(outbox).substr(0, consumed);
    REQUIRE(out == expected.substr(written, consumed));
    outbox.consume(consumed);
    written += consumed;
  }
  CHECK(text_in(outbox) == expected.substr(written));
}
