// Record batches as they were fetched, made into records. Uncompressed records are views into what was
// received; compressed ones into a copy.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/frames.h"
#include "schemas/batch.h"
#include "schemas/batch_filter.h"
#include "tandem/topic_reader.h"

namespace tandem::client {

/// The batches of this producer from this offset on belong to a transaction that was aborted.
struct AbortedFrom {
  std::int64_t producer_id = -1;
  Offset first_offset = 0;
};

/// Tells which batches of one partition to leave out, going through it in order.
class AbortedFilter {
 public:
  void start(std::vector<AbortedFrom> aborted);
  /// Judges the next batch; a control batch ends its producer's transaction.
  bool leaves_out(const BatchHeader& header, Bytes batch);

 private:
  std::vector<AbortedFrom> ahead_;  // by offset, the last first
  std::set<std::int64_t> open_;     // producers in an aborted transaction
};

struct FetchedBatch {
  std::vector<TopicRecord> records;
  std::size_t next = 0;   // not given yet
  Offset end_offset = 0;  // behind the batch

  bool empty() const { return next == records.size(); }
};

/// The size of the whole batch at the front of `bytes`; 0: there is no whole one.
std::size_t whole_batch_size_bytes(Bytes bytes);
/// Behind the last whole batch in `bytes`; `otherwise` when there is none.
Offset end_of_batches(Bytes bytes, Offset otherwise);

struct BatchPlace {
  std::shared_ptr<const std::string> topic;
  std::int32_t partition = 0;
  Offset from = 0;  // records before it are left out
};
/// Checks the batch at the front of `bytes` (exactly one) and decodes it into `out`, which is reused. Control
/// batches and those that `filter` leaves out give no records. Errors: corrupt, too_large.
Result<> decode_batch(Bytes batch, const Owner& owner, const BatchPlace& place, AbortedFilter& filter,
                      FetchedBatch& out);

}  // namespace tandem::client
