// What a partition remembers of an idempotent producer: its newest batches, so that a batch sent twice is
// stored once.
#pragma once

#include "broker/core/record.h"

namespace tandem::core {

/// Batches remembered per producer: a Kafka producer has at most five in flight.
inline constexpr std::size_t window_batches_max = 5;

enum class SequenceVerdict : std::uint8_t {
  next,       // append it
  duplicate,  // stored before; the original's offset is known
  forgotten,  // stored before, too long ago to know the offset
  gap,        // batches in between are missing
  fenced,     // the producer has a newer epoch
};
struct SequenceJudgement {
  SequenceVerdict verdict = SequenceVerdict::next;
  Offset base_offset = -1;    // of the original, for a duplicate
  std::int32_t expected = 0;  // sequence that would be next
};

/// `window` is nullptr when nothing is known of the producer: any sequence is taken then, as Kafka does
/// since 2.5 (its records may have left by retention). A new epoch starts at sequence 0.
SequenceJudgement judge_sequence(const ProducerWindow* window, const BatchView& batch);

/// First offset of its newest batch; -1 when none is remembered.
Offset newest_offset(const ProducerWindow& window);

/// Remembers an appended batch of this producer: its sequence, epoch, and where its open transaction starts.
/// Not for control batches.
void note_batch(ProducerWindow& window, const Appended& batch);

}  // namespace tandem::core
