#include "broker/wire/judge_append.h"

#include "broker/base/limits.h"
#include "schemas/batch_codec.h"
#include "schemas/record_scan.h"

namespace tandem::wire {

namespace {

Result<> judge_size(std::size_t size_bytes, const char* what) {
  if (size_bytes <= limits::batch_size_max_bytes) return Done{};
  return Error{ErrorCode::too_large, std::string(what) + " of " + std::to_string(size_bytes) + " bytes is over the limit of " +
                                         std::to_string(limits::batch_size_max_bytes)};
}

/// The batch's records if they are plain, or are to be: nullopt when nobody needs to look into what is compressed. `room` keeps
/// what was decompressed.
Result<std::optional<Bytes>> plain_records(Bytes batch, const BatchHeader& header, const core::BatchRules& rules,
                                           std::vector<std::byte>& room) {
  const Bytes records = batch.subspan(batch_header_size_bytes);
  if (header.codec_number() == 0) return std::optional(records);
  const bool changes_codec = rules.codec && static_cast<int>(*rules.codec) != header.codec_number();
  if (!rules.needs_keys && !changes_codec) return std::optional<Bytes>();
  auto plain = decompress(static_cast<Codec>(header.codec_number()), records, rules.plain_size_max_bytes);
  if (!plain) return plain.error();
  room = std::move(*plain);
  return std::optional(Bytes(room));
}

Error malformed(std::int32_t record, std::int32_t count) {
  return {ErrorCode::invalid_argument,
          record == count ? "record batch: bytes behind its " + std::to_string(count) + " records"
                          : "record batch: record " + std::to_string(record) + " of " + std::to_string(count) +
                                " is malformed, or its offset is not the next one"};
}

}  // namespace

Result<JudgedBatch> judge_append(Bytes batch, const core::BatchRules& rules, std::int32_t* malformed_record) {
  if (auto judged = judge_size(batch.size(), "batch"); !judged) return judged.error();
  const auto header = judge_batch(batch);
  if (!header) return header.error();
  if (header->control())
    return Error{ErrorCode::access_refused, "control batches are written by the broker only"};
  JudgedBatch judged;
  judged.bytes = batch;
  std::vector<std::byte> room;
  const auto records = plain_records(batch, *header, rules, room);
  if (!records) return records.error();
  if (*records) {
    const RecordScan scan = scan_records(**records, header->record_count);
    if (scan.malformed) {
      if (malformed_record) *malformed_record = *scan.malformed;
      return malformed(*scan.malformed, header->record_count);
    }
    if (rules.needs_keys) judged.first_without_key = scan.without_key.value_or(-1);
  }
  if (rules.codec && static_cast<int>(*rules.codec) != header->codec_number()) {
    auto recompressed = recompress_batch(*header, **records, *rules.codec);
    if (!recompressed) return recompressed.error();
    if (auto fits = judge_size(recompressed->size(), "recompressed batch"); !fits) return fits.error();
    judged.recompressed = std::move(*recompressed);
    judged.bytes = judged.recompressed;
  }
  core::BatchView& view = judged.view;
  view.size_bytes = static_cast<std::uint32_t>(judged.bytes.size());
  view.record_count = header->record_count;
  view.max_timestamp = header->max_timestamp;
  view.first_timestamp = header->base_timestamp;
  view.lacks_key = judged.first_without_key >= 0;
  view.producer_id = header->producer_id;
  view.producer_epoch = header->producer_epoch;
  view.base_sequence = header->base_sequence;
  view.transactional = header->transactional();
  view.control = header->control();
  return judged;
}

}  // namespace tandem::wire
