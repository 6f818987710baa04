#include "schemas/batch_filter.h"

#include <algorithm>

#include "schemas/batch_codec.h"
#include "schemas/batch_fields.h"

namespace tandem {

using namespace batch_fields;

namespace {

/// Where each record of some plain records lies, with its length in front.
class RecordCutter {
 public:
  explicit RecordCutter(Bytes records) : all_(records), in_(records) {}

  /// The next record with and without its length; false when there is none.
  bool next(Bytes& framed, Bytes& record) {
    const std::size_t from = all_.size() - in_.left();
    record = in_.bytes(in_.varint());
    framed = all_.subspan(from, all_.size() - in_.left() - from);
    return in_.ok();
  }

 private:
  Bytes all_;
  RecordReader in_;
};

/// The record with its timestamp told from another base: attributes u8, timestamp delta varint, the rest.
Result<> append_rebased(std::vector<std::byte>& out, Bytes record, std::int64_t shift) {
  RecordReader in(record);
  const std::byte attributes = in.u8();
  const auto delta = static_cast<std::uint64_t>(in.varint()) + static_cast<std::uint64_t>(shift);
  if (!in.ok()) return corrupt("a record is malformed");
  std::vector<std::byte> rebased{attributes};
  append_varint(rebased, static_cast<std::int64_t>(delta));
  const Bytes rest = in.bytes(static_cast<std::int64_t>(in.left()));
  append_varint(out, static_cast<std::int64_t>(rebased.size() + rest.size()));
  out.insert(out.end(), rebased.begin(), rebased.end());
  out.insert(out.end(), rest.begin(), rest.end());
  return Done{};
}

}  // namespace

std::optional<std::int64_t> delete_horizon(const BatchHeader& header) {
  if ((header.attributes & attribute_delete_horizon) == 0) return std::nullopt;
  return header.base_timestamp;
}

Result<FilteredBatch> filter_batch(Bytes batch, const std::optional<std::int64_t>& horizon,
                                   const std::function<bool(const RecordView&)>& keep) {
  const auto parsed = parse_batch_header(batch);
  if (!parsed) return parsed.error();
  BatchHeader header = *parsed;
  FilteredBatch filtered;
  filtered.max_timestamp = header.log_append_time() ? header.max_timestamp : -1;
  std::vector<bool> kept;
  kept.reserve(static_cast<std::size_t>(std::min<std::uint32_t>(
      static_cast<std::uint32_t>(header.record_count), header.size_bytes)));
  std::int32_t kept_count = 0;

  std::vector<std::byte> plain;
  Bytes records = batch.subspan(batch_header_size_bytes, header.size_bytes - batch_header_size_bytes);
  if (header.codec_number() != 0) {
    auto result = decompress(static_cast<Codec>(header.codec_number()), records);
    if (!result) return result.error();
    plain = std::move(*result);
    records = plain;
  }
  const auto walked = visit_plain_records(records, header, [&](const RecordView& record) {
    kept.push_back(keep(record));
    if (!kept.back()) return true;
    ++kept_count;
    if (!header.log_append_time()) filtered.max_timestamp = std::max(filtered.max_timestamp, record.timestamp);
    return true;
  });
  if (!walked) return walked.error();
  if (kept_count == 0) {
    filtered.what = FilteredBatch::What::emptied;
    return filtered;
  }
  if (kept_count == header.record_count && !horizon) {
    filtered.max_timestamp = header.max_timestamp;
    return filtered;
  }

  const std::int64_t shift =
      horizon ? static_cast<std::int64_t>(static_cast<std::uint64_t>(header.base_timestamp) -
                                          static_cast<std::uint64_t>(*horizon))
              : 0;
  std::vector<std::byte> out;
  out.reserve(records.size());
  RecordCutter cutter(records);
  Bytes framed, record;
  for (std::size_t i = 0; i < kept.size() && cutter.next(framed, record); ++i) {
    if (!kept[i]) continue;
    if (shift == 0)
      out.insert(out.end(), framed.begin(), framed.end());
    else if (auto appended = append_rebased(out, record, shift); !appended)
      return appended.error();
  }
  header.record_count = kept_count;
  header.max_timestamp = filtered.max_timestamp;
  if (horizon) {
    header.base_timestamp = *horizon;
    header.attributes = static_cast<std::int16_t>(header.attributes | attribute_delete_horizon);
  }
  auto made = pack_batch(header, out);
  if (!made) return made.error();
  filtered.what = FilteredBatch::What::changed;
  filtered.bytes = std::move(*made);
  return filtered;
}

std::vector<std::byte> empty_batch(Bytes batch) {
  BatchHeader header = read_header(batch.data());
  header.record_count = 0;
  header.attributes = static_cast<std::int16_t>(header.attributes & ~0x7);  // nothing is compressed
  return seal_batch(header, {});
}

Result<BatchHeader> judge_stored_batch(Bytes batch) {
  auto header = parse_batch_header(batch);
  if (!header) return header;
  if (header->size_bytes != batch.size())
    return corrupt("is " + std::to_string(batch.size()) + " bytes, its header says " +
                   std::to_string(header->size_bytes));
  if (header->record_count - 1 > header->last_offset_delta)
    return corrupt("has " + std::to_string(header->record_count) + " records but last offset delta " +
                   std::to_string(header->last_offset_delta));
  if (header->crc != checksum(batch)) return corrupt("checksum is wrong");
  return header;
}

}  // namespace tandem
