#include "broker/storage/topic_store_tail.h"

#include <algorithm>

#include "schemas/topic_record.h"

namespace tandem::storage {

TopicTailEntry tail_entry(const core::Appended& appended) {
  return {appended.base_offset,
          appended.body,
          appended.max_timestamp,
          appended.size_bytes,
          appended.record_count,
          appended.form,
          appended.has_key ? std::make_shared<std::string>(appended.key) : nullptr};
}

Result<> TopicBatchJoiner::add(const TopicTailEntry& entry, Bytes body) {
  if (entry.form == core::AppendedForm::message) return add_message_record(entry, body);
  if (auto finished = finish(); !finished) return finished;
  return sink_(body, entry.base, entry.last(), entry.max_timestamp);
}

Result<> TopicBatchJoiner::add_message_record(const TopicTailEntry& entry, Bytes body) {
  const bool full =
      builder_.record_count() == records_max || builder_.size_bytes() + body.size() > size_max_bytes;
  if (!builder_.empty() && (full || entry.base != next_))
    if (auto finished = finish(); !finished) return finished;
  if (builder_.empty()) {
    base_ = next_ = entry.base;
    max_timestamp_ = entry.max_timestamp;
  }
  const auto key = entry.key ? std::optional<std::string_view>(*entry.key) : std::nullopt;
  // Faces judge messages before they accept them. Should one be malformed all the same, its offset is taken:
  // the record carries the stored form, so that nothing is lost and the offsets stay dense.
  if (!add_message(builder_, body, entry.max_timestamp, key))
    builder_.add(entry.max_timestamp, std::nullopt, body);
  max_timestamp_ = std::max(max_timestamp_, entry.max_timestamp);
  ++next_;
  return Done{};
}

Result<> TopicBatchJoiner::finish() {
  if (builder_.empty()) return Done{};
  auto batch = builder_.finish();
  if (!batch) return batch.error();
  patch_base_offset(*batch, base_);
  return sink_(*batch, base_, next_ - 1, max_timestamp_);
}

}  // namespace tandem::storage
