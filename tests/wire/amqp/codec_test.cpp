#include <doctest/doctest.h>

#include "broker/wire/amqp/codec.h"
#include "tests/wire/amqp/frames.h"

using namespace tandem;
using namespace tandem::wire::amqp;
using namespace tandem::wire::amqp::test;

namespace {

constexpr Method unbind_ok = Method::exchange_unbind_ok;

/// A frame of the method with fields that differ from zero, without knowing which method it is.
Buffer sample_frame(const MethodInfo& info) {
  Buffer payload;
  append_big(payload, static_cast<std::uint32_t>(info.method));
  bool in_bits = false;
  for (const Field& field : info.fields()) {
    if (field.type == FieldType::bit) {
      if (!in_bits) payload.push_back(std::byte{0b101});
      in_bits = true;
      continue;
    }
    in_bits = false;
    switch (field.type) {
      case FieldType::octet:
        append_big(payload, std::uint8_t{7});
        break;
      case FieldType::short_int:
        append_big(payload, std::uint16_t{0x0102});
        break;
      case FieldType::long_int:
        append_big(payload, std::uint32_t{0x01020304});
        break;
      case FieldType::long_long:
        append_big(payload, std::uint64_t{0x0102030405060708});
        break;
      case FieldType::short_text:
        append_short_text(payload, "name");
        break;
      case FieldType::long_text:
        append_big(payload, std::uint32_t{4});
        add(payload, bytes_of("text"));
        break;
      case FieldType::table:
        append_table(payload, {{"x", Value(1)}});
        break;
      case FieldType::bit:
        break;
    }
  }
  return payload;
}

}  // namespace

TEST_CASE("there are 66 methods, each found by its number") {
  CHECK(all_methods().size() == 66);
  for (const MethodInfo& info : all_methods()) CHECK(find_method(info.method) == &info);
  CHECK(find_method(static_cast<Method>(method_key(60, 99))) == nullptr);
  CHECK(find_method(Method::none) == nullptr);
}

TEST_CASE("exchange.unbind-ok has the number 51") {
  CHECK(id_of(unbind_ok) == 51);
}

TEST_CASE("every method is read whole, and not a byte shorter or longer") {
  for (const MethodInfo& info : all_methods()) {
    CAPTURE(info.name);
    const Buffer payload = sample_frame(info);
    const Bytes fields = Bytes(payload).subspan(4);
    CHECK(decode_method(info, fields).has_value());
    for (std::size_t size = 0; size < fields.size(); ++size)
      CHECK_FALSE(decode_method(info, fields.first(size)));
    Buffer longer(fields.begin(), fields.end());
    longer.push_back(std::byte{0});
    CHECK_FALSE(decode_method(info, longer));
  }
}

TEST_CASE("a written method is the one that is read") {
  const Buffer frame =
      method_frame(7, Method::queue_declare, {"q", false, true, false, true, false, Bytes{}});
  CHECK(shown_frames(frame) ==
        std::vector<std::string>{"7 queue.declare queue=q passive=0 durable=1 exclusive=0 "
                                 "auto-delete=1 nowait=0 arguments={}"});
}

TEST_CASE("bits share an octet, lowest first, and start a new one after another field") {
  const Buffer frame = method_frame(1, Method::basic_consume, {"", "", false, true, false, true, Bytes{}});
  // reserved u16, two empty short strings, then the bits
  CHECK(frame.at(7 + 4 + 2 + 1 + 1) == std::byte{0b1010});
}

TEST_CASE("a table nested two hundred levels deep makes a method malformed") {
  Buffer table;
  for (int level = 0; level < 200; ++level) {
    Buffer outer;
    append_short_text(outer, "t");
    outer.push_back(std::byte{'F'});
    append_big(outer, static_cast<std::uint32_t>(table.size()));
    add(outer, table);
    table = std::move(outer);
  }
  Buffer fields;
  append_big(fields, std::uint16_t{0});
  append_short_text(fields, "q");
  fields.push_back(std::byte{0});
  append_big(fields, static_cast<std::uint32_t>(table.size()));
  add(fields, table);
  CHECK_FALSE(decode_method(*find_method(Method::queue_declare), fields));
}

TEST_CASE("a table that claims four gigabytes makes a method malformed") {
  Buffer fields;
  append_big(fields, std::uint16_t{0});
  append_short_text(fields, "q");
  fields.push_back(std::byte{0});
  append_big(fields, std::uint32_t{0xFFFFFFFF});
  CHECK_FALSE(decode_method(*find_method(Method::queue_declare), fields));
}
