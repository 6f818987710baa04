#include "schemas/batch.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "schemas/batch_fields.h"

namespace tandem {

using namespace batch_fields;

namespace {

bool read_record(Bytes encoded, const BatchHeader& batch, RecordView& record,
                 std::vector<RecordHeader>& headers) {
  RecordReader in(encoded);
  in.u8();  // attributes: none are defined
  const std::int64_t timestamp_delta = in.varint();
  record.timestamp = batch.log_append_time()
                         ? batch.max_timestamp
                         : static_cast<std::int64_t>(static_cast<std::uint64_t>(batch.base_timestamp) +
                                                     static_cast<std::uint64_t>(timestamp_delta));
  const std::int64_t offset_delta = in.varint();
  if (offset_delta < 0 || offset_delta > batch.last_offset_delta) return false;
  record.offset = batch.base_offset + offset_delta;
  record.key = in.nullable_bytes();
  record.value = in.nullable_bytes();
  const std::int64_t header_count = in.varint();
  if (!in.ok() || header_count < 0 || static_cast<std::uint64_t>(header_count) > in.left()) return false;
  headers.clear();
  for (std::int64_t i = 0; i < header_count && in.ok(); ++i) {
    RecordHeader header;
    header.key = text_of(in.bytes(in.varint()));
    header.value = in.nullable_bytes();
    headers.push_back(header);
  }
  record.headers = headers;
  return in.ok() && in.at_end();
}

}  // namespace

Result<bool> RecordWalk::next(RecordView& record) {
  RecordReader in(rest_);
  if (count_ == header_.record_count) {
    if (!in.at_end()) return corrupt("bytes behind the last record");
    return false;
  }
  const Bytes encoded = in.bytes(in.varint());
  if (!in.ok() || !read_record(encoded, header_, record, headers_))
    return corrupt("record " + std::to_string(count_) + " is malformed");
  if (record.offset <= previous_) return corrupt("record " + std::to_string(count_) + " is not behind the one before it");
  previous_ = record.offset;
  rest_ = rest_.last(in.left());
  ++count_;
  return true;
}

Result<> batch_fields::visit_plain_records(Bytes records, const BatchHeader& header,
                                           const std::function<bool(const RecordView&)>& visit) {
  RecordWalk walk(records, header);
  RecordView record;
  while (true) {
    const auto more = walk.next(record);
    if (!more) return more.error();
    if (!*more || !visit(record)) return Done{};
  }
}

Result<BatchHeader> parse_batch_header(Bytes bytes) {
  if (bytes.size() > at_magic && bytes[at_magic] < std::byte{2})
    return Error{ErrorCode::not_supported, "record batch: magic 0 and 1 are not supported, only 2"};
  if (bytes.size() < batch_header_size_bytes) return corrupt("shorter than its header");
  if (bytes[at_magic] != std::byte{2})
    return corrupt("magic is " + std::to_string(std::to_integer<int>(bytes[at_magic])) + ", not 2");
  const std::int32_t length = load<std::int32_t>(bytes.data() + at_batch_length);
  if (length < static_cast<std::int32_t>(batch_header_size_bytes - batch_size_prefix_bytes))
    return corrupt("length " + std::to_string(length) + " is too small");
  const BatchHeader header = read_header(bytes.data());
  const bool ends = header.base_offset < std::numeric_limits<std::int64_t>::max() - std::max(header.last_offset_delta, 0);
  if (header.record_count < 0 || header.last_offset_delta < 0 || header.base_offset < 0 || !ends)
    return corrupt("negative count or offset");
  if (header.codec_number() > static_cast<std::uint8_t>(Codec::zstd))
    return Error{ErrorCode::not_supported,
                 "record batch: codec " + std::to_string(header.codec_number()) + " is unknown"};
  return header;
}

namespace {

/// A record has seven octets at least. Without this a batch of a hundred bytes could claim two billion offsets.
std::uint64_t records_max(const BatchHeader& header) {
  constexpr std::uint64_t record_size_min_bytes = 7;
  const bool plain = header.codec_number() == static_cast<std::uint8_t>(Codec::none);
  const std::uint64_t size_bytes = plain ? header.size_bytes - batch_header_size_bytes : decompressed_size_max_bytes;
  return size_bytes / record_size_min_bytes;
}

}  // namespace

Result<BatchHeader> judge_batch(Bytes batch) {
  auto header = parse_batch_header(batch);
  if (!header) return header;
  if (header->size_bytes != batch.size())
    return corrupt("is " + std::to_string(batch.size()) + " bytes, its header says " +
                   std::to_string(header->size_bytes));
  if (header->record_count < 1 || header->record_count - 1 != header->last_offset_delta)
    return corrupt("has " + std::to_string(header->record_count) + " records but last offset delta " +
                   std::to_string(header->last_offset_delta));
  if (static_cast<std::uint64_t>(header->record_count) > records_max(*header))
    return corrupt("has " + std::to_string(header->record_count) + " records in " + std::to_string(batch.size()) +
                   " bytes");
  if (header->crc != checksum(batch)) return corrupt("checksum is wrong");
  return header;
}

Result<> for_each_record(Bytes batch, const std::function<bool(const RecordView&)>& visit) {
  const auto header = parse_batch_header(batch);
  if (!header) return header.error();
  if (header->size_bytes > batch.size()) return corrupt("is truncated");
  const Bytes records = batch.subspan(batch_header_size_bytes, header->size_bytes - batch_header_size_bytes);
  if (header->codec_number() == 0) return visit_plain_records(records, *header, visit);
  const auto plain = decompress(static_cast<Codec>(header->codec_number()), records);
  if (!plain) return plain.error();
  return visit_plain_records(*plain, *header, visit);
}

namespace {

/// As append_nullable() writes it.
std::size_t nullable_size_bytes(const std::optional<Bytes>& bytes) {
  return bytes ? varint_size_bytes(static_cast<std::int64_t>(bytes->size())) + bytes->size() : varint_size_bytes(-1);
}
void append_nullable(std::vector<std::byte>& out, const std::optional<Bytes>& bytes) {
  append_varint(out, bytes ? static_cast<std::int64_t>(bytes->size()) : -1);
  if (bytes) out.insert(out.end(), bytes->begin(), bytes->end());
}

}  // namespace

void BatchBuilder::add(std::int64_t timestamp, std::optional<Bytes> key, std::optional<Bytes> value,
                       std::span<const RecordHeader> headers) {
  if (count_ == 0) {
    base_timestamp_ = max_timestamp_ = timestamp;
    batch_.resize(batch_header_size_bytes);
  }
  max_timestamp_ = std::max(max_timestamp_, timestamp);
  const auto header_count = static_cast<std::int64_t>(headers.size());
  // The size comes first: counted before, so that a large value is copied once.
  std::size_t size = 1 + varint_size_bytes(timestamp - base_timestamp_) + varint_size_bytes(count_) +
                     nullable_size_bytes(key) + nullable_size_bytes(value) + varint_size_bytes(header_count);
  for (const RecordHeader& header : headers)
    size += nullable_size_bytes(bytes_of(header.key)) + nullable_size_bytes(header.value);

  append_varint(batch_, static_cast<std::int64_t>(size));
  batch_.push_back(std::byte{0});
  append_varint(batch_, timestamp - base_timestamp_);
  append_varint(batch_, count_);
  append_nullable(batch_, key);
  append_nullable(batch_, value);
  append_varint(batch_, header_count);
  for (const RecordHeader& header : headers) {
    append_nullable(batch_, bytes_of(header.key));
    append_nullable(batch_, header.value);
  }
  ++count_;
}

Result<std::vector<std::byte>> BatchBuilder::finish(Codec codec, const BatchProducer& producer) {
  BatchHeader header;
  header.attributes = static_cast<std::int16_t>(static_cast<int>(codec) |
                                                (producer.transactional ? attribute_transactional : 0));
  header.last_offset_delta = count_ - 1;
  header.base_timestamp = base_timestamp_;
  header.max_timestamp = max_timestamp_;
  header.producer_id = producer.id;
  header.producer_epoch = producer.epoch;
  header.base_sequence = producer.base_sequence;
  header.record_count = count_;

  std::vector<std::byte> batch;
  if (codec == Codec::none) {
    batch = std::exchange(batch_, {});
  } else {
    const auto records = compress(codec, Bytes(batch_).subspan(batch_header_size_bytes));
    if (!records) return records.error();
    batch.reserve(batch_header_size_bytes + records->size());
    batch.resize(batch_header_size_bytes);
    batch.insert(batch.end(), records->begin(), records->end());
    batch_.clear();
  }
  header.size_bytes = static_cast<std::uint32_t>(batch.size());
  write_header(batch.data(), header);
  seal(batch);
  count_ = 0;
  return batch;
}

void patch_base_offset(std::span<std::byte> batch, std::int64_t base_offset) {
  store(batch.data() + at_base_offset, base_offset);
  store(batch.data() + at_leader_epoch, std::int32_t{0});
}

void patch_log_append_time(std::span<std::byte> batch, std::int64_t timestamp) {
  const auto attributes = load<std::int16_t>(batch.data() + at_attributes);
  store(batch.data() + at_attributes, static_cast<std::int16_t>(attributes | attribute_log_append_time));
  store(batch.data() + at_max_timestamp, timestamp);
  seal(batch);
}

void patch_producer(std::span<std::byte> batch, const BatchProducer& producer) {
  store(batch.data() + at_producer_id, producer.id);
  store(batch.data() + at_producer_epoch, producer.epoch);
  store(batch.data() + at_base_sequence, producer.base_sequence);
  seal(batch);
}

std::vector<std::byte> make_marker_batch(std::int64_t producer_id, std::int16_t producer_epoch, bool commit,
                                         std::int64_t timestamp) {
  // Key: version i16, type i16 (0 abort, 1 commit). Value: version i16, coordinator epoch i32.
  const std::byte key[] = {{}, {}, {}, std::byte{commit}};
  const std::byte value[6] = {};
  BatchBuilder builder;
  builder.add(timestamp, Bytes(key), Bytes(value));
  auto batch = builder.finish(Codec::none, {producer_id, producer_epoch, -1, true}).value();
  const auto attributes = load<std::int16_t>(batch.data() + at_attributes);
  store(batch.data() + at_attributes, static_cast<std::int16_t>(attributes | attribute_control));
  seal(batch);
  return batch;
}

Result<bool> marker_is_commit(Bytes batch) {
  std::int16_t type = -1;
  const auto walked = for_each_record(batch, [&](const RecordView& record) {
    if (record.key && record.key->size() >= 4) type = load<std::int16_t>(record.key->data() + 2);
    return false;
  });
  if (!walked) return walked.error();
  if (type != 0 && type != 1) return corrupt("is not a commit or abort marker");
  return type == 1;
}

}  // namespace tandem
