#include "broker/wire/judge_append.h"

#include "broker/base/limits.h"
#include "schemas/batch_filter.h"

namespace tandem::wire {

Result<core::BatchView> judge_append(Bytes batch, bool needs_keys) {
  if (batch.size() > limits::message_size_max_bytes)
    return Error{ErrorCode::too_large, "batch of " + std::to_string(batch.size()) +
                                           " bytes is over the limit of " +
                                           std::to_string(limits::message_size_max_bytes)};
  const auto header = judge_batch(batch);
  if (!header) return header.error();
  if (header->control())
    return Error{ErrorCode::access_refused, "control batches are written by the broker only"};
  core::BatchView view;
  view.size_bytes = header->size_bytes;
  view.record_count = header->record_count;
  view.max_timestamp = header->max_timestamp;
  view.first_timestamp = header->base_timestamp;
  view.lacks_key = needs_keys && !every_record_has_key(batch);
  view.producer_id = header->producer_id;
  view.producer_epoch = header->producer_epoch;
  view.base_sequence = header->base_sequence;
  view.transactional = header->transactional();
  view.control = header->control();
  return view;
}

}  // namespace tandem::wire
