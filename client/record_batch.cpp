#include "client/record_batch.h"

#include <chrono>

namespace tandem::client {
namespace {

std::optional<Bytes> bytes_in(const std::optional<std::string_view>& field) {
  if (!field) return std::nullopt;
  return tandem::bytes_of(*field);
}

std::size_t size_of(const std::optional<std::string_view>& field) {
  return field ? field->size() : 0;
}

}  // namespace

TimestampMs now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::size_t record_size_bytes(const Record& record) {
  constexpr std::size_t numbers = 32;  // lengths, deltas and counts, as varints
  std::size_t size = numbers + size_of(record.key) + size_of(record.value);
  for (const auto& [key, value] : record.headers) size += 10 + key.size() + size_of(value);
  return size;
}

void add_record(BatchBuilder& builder, const Record& record) {
  std::vector<RecordHeader> headers;
  for (const auto& [key, value] : record.headers) headers.push_back({key, bytes_in(value)});
  builder.add(record.timestamp >= 0 ? record.timestamp : now_ms(), bytes_in(record.key),
              bytes_in(record.value), headers);
}

Result<std::vector<std::byte>> encode_batch(std::span<const Record> records, Codec codec) {
  if (records.empty()) return Error{ErrorCode::invalid_argument, "an append needs a record"};
  BatchBuilder builder;
  for (const auto& record : records) add_record(builder, record);
  auto batch = builder.finish(codec);
  if (batch && batch->size() > batch_size_limit_bytes)
    return Error{ErrorCode::too_large, "the batch has " + std::to_string(batch->size()) + " bytes, at most " +
                                           std::to_string(batch_size_limit_bytes) + " are allowed"};
  return batch;
}

OwnedRecord::OwnedRecord(const Record& record)
    : key_(own(record.key)),
      value_(own(record.value)),
      timestamp_(record.timestamp),
      partition_(record.partition) {
  for (const auto& [key, value] : record.headers) headers_.emplace_back(key, own(value));
}

OwnedRecord::Field OwnedRecord::own(const std::optional<std::string_view>& field) {
  return field ? Field(*field) : std::nullopt;
}

Record OwnedRecord::view() const {
  Record record{key_, value_, {}, timestamp_, partition_};
  for (const auto& [key, value] : headers_) record.headers.emplace_back(key, value);
  return record;
}

}  // namespace tandem::client
