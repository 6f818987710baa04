#include "broker/storage/record_codec.h"

#include <array>
#include <cstdio>
#include <string>
#include <utility>

#include "broker/storage/record_codec_fields.h"
#include "broker/storage/record_codec_io.h"

namespace tandem::storage {
namespace {

using core::Record;

template <std::size_t I>
using Alternative = std::variant_alternative_t<I, Record>;

template <std::size_t... I>
constexpr bool type_bytes_are_distinct(std::index_sequence<I...>) {
  std::array<bool, 256> seen{};
  seen[codec::user_before_permissions_type] = true;
  seen[codec::requeued_one_type] = true;
  bool distinct = true;
  ((distinct = distinct && codec::type_byte<Alternative<I>> >= record_type_min &&
               !std::exchange(seen[codec::type_byte<Alternative<I>>], true)),
   ...);
  return distinct;
}
constexpr auto alternatives = std::make_index_sequence<std::variant_size_v<Record>>();
static_assert(type_bytes_are_distinct(alternatives), "every record needs a type byte of its own");

using ReadFields = void (*)(codec::Reader&, Record&);

template <class R>
void read_fields(codec::Reader& io, Record& record) {
  codec::fields(io, record.emplace<R>());
}

void read_user_before_permissions(codec::Reader& io, Record& record) {
  codec::fields_before_permissions(io, record.emplace<core::UserDeclared>());
}

void read_requeued_one(codec::Reader& io, Record& record) {
  codec::fields_of_one(io, record.emplace<core::Requeued>());
}

template <std::size_t... I>
constexpr std::array<ReadFields, 256> readers_by_type(std::index_sequence<I...>) {
  std::array<ReadFields, 256> readers{};
  ((readers[codec::type_byte<Alternative<I>>] = &read_fields<Alternative<I>>), ...);
  readers[codec::user_before_permissions_type] = &read_user_before_permissions;
  readers[codec::requeued_one_type] = &read_requeued_one;
  return readers;
}
constexpr std::array<ReadFields, 256> readers = readers_by_type(alternatives);

std::string type_text(std::uint8_t type) {
  std::array<char, 8> text;
  std::snprintf(text.data(), text.size(), "0x%02X", type);
  return text.data();
}

}  // namespace

std::size_t encoded_size_max_bytes(const Record& record) {
  codec::Measure io;
  std::visit([&](const auto& r) { codec::fields(io, r); }, record);
  return 1 + io.size_bytes();
}

std::byte* encode_record(const Record& record, std::byte* out) {
  return std::visit(
      [out]<class R>(const R& r) {
        *out = std::byte{codec::type_byte<R>};
        codec::Writer io(out + 1);
        codec::fields(io, r);
        return io.end();
      },
      record);
}

std::vector<std::byte> encode_record(const Record& record) {
  std::vector<std::byte> bytes(encoded_size_max_bytes(record));
  const std::byte* end = encode_record(record, bytes.data());
  bytes.resize(static_cast<std::size_t>(end - bytes.data()));
  return bytes;
}

Result<Record> decode_record(Bytes bytes, std::size_t* consumed) {
  if (bytes.empty()) return Error{ErrorCode::corrupt, "a record is missing"};
  const auto type = static_cast<std::uint8_t>(bytes.front());
  if (readers[type] == nullptr)
    return Error{ErrorCode::not_supported,
                 "record type " + type_text(type) + " is unknown here; it was written by a newer version"};
  codec::Reader io(bytes.subspan(1));
  Result<Record> record{Record{}};
  readers[type](io, *record);
  if (io.failed()) return Error{ErrorCode::corrupt, "a record of type " + type_text(type) + " is malformed"};
  *consumed = static_cast<std::size_t>(io.at() - bytes.data());
  return record;
}

Result<Record> decode_record(Bytes bytes) {
  std::size_t consumed = 0;
  auto record = decode_record(bytes, &consumed);
  if (record.ok() && consumed != bytes.size())
    return Error{ErrorCode::corrupt,
                 "bytes follow a record of type " + type_text(static_cast<std::uint8_t>(bytes.front()))};
  return record;
}

}  // namespace tandem::storage
