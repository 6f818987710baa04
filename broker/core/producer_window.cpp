#include "broker/core/producer_window.h"

#include <cstdint>

#include "schemas/sequence.h"

namespace tandem::core {
namespace {

std::int32_t last_sequence(std::int32_t first, std::int32_t count) {
  return sequence_after(first, count - 1);
}

std::int32_t expected_sequence(const ProducerWindow& window) {
  return window.batches.empty() ? 0 : sequence_after(window.batches.back().last_sequence, 1);
}

/// Sequences wrap, so "before" means less than half the circle behind.
bool is_before(std::int32_t sequence, std::int32_t expected) {
  const std::int64_t behind = (std::int64_t{expected} - sequence + sequences) % sequences;
  return behind != 0 && behind < sequences / 2;
}

}  // namespace

Offset newest_offset(const ProducerWindow& window) {
  return window.batches.empty() ? -1 : window.batches.back().base_offset;
}

SequenceJudgement judge_sequence(const ProducerWindow* window, const BatchView& batch) {
  using enum SequenceVerdict;
  if (!window) return {next, -1, batch.base_sequence};
  if (batch.producer_epoch < window->epoch) return {fenced, -1, 0};
  if (batch.producer_epoch > window->epoch) return {batch.base_sequence == 0 ? next : gap, -1, 0};

  const std::int32_t last = last_sequence(batch.base_sequence, batch.record_count);
  for (const auto& seen : window->batches)
    if (seen.first_sequence == batch.base_sequence && seen.last_sequence == last)
      return {duplicate, seen.base_offset, expected_sequence(*window)};

  const std::int32_t expected = expected_sequence(*window);
  if (batch.base_sequence == expected) return {next, -1, expected};
  const bool old = is_before(batch.base_sequence, expected) && is_before(last, expected);
  return {old ? forgotten : gap, -1, expected};
}

void note_batch(ProducerWindow& window, const Appended& batch) {
  if (batch.producer_epoch != window.epoch) window.batches.clear();
  window.epoch = batch.producer_epoch;
  window.last_used = batch.max_timestamp;
  if (window.batches.size() == window_batches_max) window.batches.erase(window.batches.begin());
  window.batches.push_back(
      {batch.base_sequence, last_sequence(batch.base_sequence, batch.record_count), batch.base_offset});
  if (batch.transactional && window.transaction_start < 0) window.transaction_start = batch.base_offset;
}

}  // namespace tandem::core
