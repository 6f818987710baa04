// The tail of a partition: what was appended since its last checkpoint and still lies in the journal.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/core/record.h"
#include "schemas/batch.h"

namespace tandem::storage {

/// One Appended record, without what only the core needs.
struct TopicTailEntry {
  Offset base = 0;
  BodyHandle body;
  TimestampMs max_timestamp = 0;
  std::uint32_t size_bytes = 0;  // of the body
  std::int32_t record_count = 1;
  core::AppendedForm form = core::AppendedForm::batch;
  std::shared_ptr<const std::string> key;  // of a message whose record key is not its routing key

  Offset last() const { return base + record_count - 1; }
  Offset end() const { return base + record_count; }
};
using TopicTail = std::vector<TopicTailEntry>;  // ascending, without gaps

TopicTailEntry tail_entry(const core::Appended& appended);
/// The first entry that ends behind `offset`.
template <class Entries>
auto find_in_tail(const Entries& tail, Offset offset) {
  return std::partition_point(tail.begin(), tail.end(),
                              [offset](const TopicTailEntry& entry) { return entry.end() <= offset; });
}

/// Turns tail entries into whole record batches: a batch stays as it is, messages that follow each other are
/// joined.
class TopicBatchJoiner {
 public:
  /// Messages joined into one batch: large enough to make its header cheap, small enough for one read.
  static constexpr std::int32_t records_max = 1000;
  static constexpr std::size_t size_max_bytes = 1u << 20;

  /// Gets each batch in order. The view lives as long as the call. An error ends the joining.
  using Sink = std::function<Result<>(Bytes batch, Offset base, Offset last, TimestampMs max_timestamp)>;
  explicit TopicBatchJoiner(Sink sink) : sink_(std::move(sink)) {}

  Result<> add(const TopicTailEntry& entry, Bytes body);
  /// Gives the batch that is open.
  Result<> finish();

 private:
  Result<> add_message_record(const TopicTailEntry& entry, Bytes body);

  Sink sink_;
  BatchBuilder builder_;
  Offset base_ = 0, next_ = 0;
  TimestampMs max_timestamp_ = 0;
};

}  // namespace tandem::storage
