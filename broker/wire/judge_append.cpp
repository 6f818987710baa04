#include "broker/wire/judge_append.h"

#include <algorithm>

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

bool changes_codec(const BatchHeader& header, const core::BatchRules& rules) {
  return rules.codec && static_cast<int>(*rules.codec) != header.codec_number();
}

/// The batch's records if they are plain, or are to be: nullopt when nobody needs to look into what is compressed. `room` keeps
/// what was decompressed. Errors: corrupt, too_large (they have more bytes than `size_max_bytes`).
Result<std::optional<Bytes>> plain_records(Bytes batch, const BatchHeader& header, const core::BatchRules& rules,
                                           std::size_t size_max_bytes, std::vector<std::byte>& room) {
  const Bytes records = batch.subspan(batch_header_size_bytes);
  if (header.codec_number() == 0) return std::optional(records);
  if (!rules.needs_keys && !changes_codec(header, rules)) return std::optional<Bytes>();
  auto plain = decompress(static_cast<Codec>(header.codec_number()), records, size_max_bytes);
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

core::BatchView view_of(const BatchHeader& header, std::size_t size_bytes, bool lacks_key) {
  core::BatchView view;
  view.size_bytes = static_cast<std::uint32_t>(size_bytes);
  view.record_count = header.record_count;
  view.max_timestamp = header.max_timestamp;
  view.first_timestamp = header.base_timestamp;
  view.lacks_key = lacks_key;
  view.producer_id = header.producer_id;
  view.producer_epoch = header.producer_epoch;
  view.base_sequence = header.base_sequence;
  view.transactional = header.transactional();
  view.control = header.control();
  return view;
}

/// Its size, header and checksum.
Result<BatchHeader> judge_outside(Bytes batch) {
  if (auto judged = judge_size(batch.size(), "batch"); !judged) return judged.error();
  auto header = judge_batch(batch);
  if (header && header->control()) return Error{ErrorCode::access_refused, "control batches are written by the broker only"};
  return header;
}

/// `records`: plain, where anybody looks at them.
Judgement judge_inside(Bytes batch, const BatchHeader& header, const core::BatchRules& rules, std::optional<Bytes> records) {
  JudgedBatch judged;
  judged.bytes = batch;
  if (records) {
    const RecordScan scan = scan_records(*records, header.record_count);
    if (scan.malformed) return {malformed(*scan.malformed, header.record_count), *scan.malformed};
    if (rules.needs_keys) judged.first_without_key = scan.without_key.value_or(-1);
  }
  if (changes_codec(header, rules)) {
    auto recompressed = recompress_batch(header, *records, *rules.codec);
    if (!recompressed) return {recompressed.error()};
    if (auto fits = judge_size(recompressed->size(), "recompressed batch"); !fits) return {fits.error()};
    judged.recompressed = std::move(*recompressed);
    judged.bytes = judged.recompressed;
  }
  judged.view = view_of(header, judged.bytes.size(), judged.first_without_key >= 0);
  return {std::move(judged)};
}

}  // namespace

Judgement judge_append(Bytes batch, const core::BatchRules& rules) {
  const auto header = judge_outside(batch);
  if (!header) return {header.error()};
  std::vector<std::byte> room;
  const auto records = plain_records(batch, *header, rules, rules.plain_size_max_bytes, room);
  if (!records) return {records.error()};
  return judge_inside(batch, *header, rules, *records);
}

std::optional<Judgement> judge_append_at_once(Bytes batch, const core::BatchRules& rules) {
  const auto header = judge_outside(batch);
  if (!header) return Judgement{header.error()};
  const bool compresses = changes_codec(*header, rules);
  const std::size_t size_max_bytes = compresses ? limits::compressed_at_once_bytes : limits::decompressed_at_once_bytes;
  if (compresses && batch.size() > size_max_bytes) return std::nullopt;
  std::vector<std::byte> room;
  const auto records =
      plain_records(batch, *header, rules, std::min(size_max_bytes, rules.plain_size_max_bytes), room);
  if (!records && records.error().code == ErrorCode::too_large && size_max_bytes < rules.plain_size_max_bytes)
    return std::nullopt;
  if (!records) return Judgement{records.error()};
  return judge_inside(batch, *header, rules, *records);
}

}  // namespace tandem::wire
