#include "broker/wire/judge_append.h"

#include "broker/base/limits.h"
#include "schemas/batch_codec.h"
#include "schemas/batch_filter.h"

namespace tandem::wire {

namespace {

Result<> judge_size(std::size_t size_bytes, const char* what) {
  if (size_bytes <= limits::message_size_max_bytes) return Done{};
  return Error{ErrorCode::too_large, std::string(what) + " of " + std::to_string(size_bytes) + " bytes is over the limit of " +
                                         std::to_string(limits::message_size_max_bytes)};
}

}  // namespace

Result<JudgedBatch> judge_append(Bytes batch, const core::BatchRules& rules) {
  if (auto judged = judge_size(batch.size(), "batch"); !judged) return judged.error();
  const auto header = judge_batch(batch);
  if (!header) return header.error();
  if (header->control())
    return Error{ErrorCode::access_refused, "control batches are written by the broker only"};
  JudgedBatch judged;
  judged.bytes = batch;
  if (rules.codec && static_cast<int>(*rules.codec) != header->codec_number()) {
    auto recompressed = recompress_batch(batch, *rules.codec);
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
  view.lacks_key = rules.needs_keys && !every_record_has_key(batch);
  view.producer_id = header->producer_id;
  view.producer_epoch = header->producer_epoch;
  view.base_sequence = header->base_sequence;
  view.transactional = header->transactional();
  view.control = header->control();
  return judged;
}

}  // namespace tandem::wire
