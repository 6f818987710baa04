// A record batch without some of its records: what compaction makes of it. Offsets stay: the batch keeps its base
// offset and its last offset delta, so the records that are left keep theirs, and there may be fewer of them than
// offsets.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "schemas/batch.h"

namespace tandem {

/// When tombstones and markers of this batch may go (ms since 1970): compaction writes it when it finds the batch for
/// the first time (attribute bit 6, in the place of the base timestamp, as Kafka does). nullopt: it has none.
std::optional<std::int64_t> delete_horizon(const BatchHeader& header);

struct FilteredBatch {
  enum class What : std::uint8_t {
    unchanged,  // every record stays, and no horizon is to be written: `bytes` is empty, the original is good
    changed,    // `bytes` is the new batch
    emptied,    // no record stays: `bytes` is empty
  };
  What what = What::unchanged;
  std::vector<std::byte> bytes;
  std::int64_t max_timestamp = -1;  // of the records that stay, or the batch's log append time
};

/// `keep` is asked once for each record, in order. `horizon`: to be written into the batch if anything stays of it; looked at
/// when `keep` was asked for the last record, which may set it (only where delete_horizon() has none). The codec stays. `batch` is one whole batch whose checksum was checked before.
/// Errors: corrupt, too_large (its records decompress to more than decompressed_size_max_bytes).
Result<FilteredBatch> filter_batch(Bytes batch, const std::optional<std::int64_t>& horizon,
                                   const std::function<bool(const RecordView&)>& keep);

/// The header alone: no records, the same offsets, producer and times. Keeps a reader's place where every record of a
/// stretch is gone. 61 bytes.
std::vector<std::byte> empty_batch(Bytes batch);

/// Judges a batch as it is stored: like judge_batch(), but records may be missing, even all of them.
/// Errors: corrupt, not_supported.
Result<BatchHeader> judge_stored_batch(Bytes batch);

}  // namespace tandem
