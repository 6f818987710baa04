// A walk over the records of a batch that looks at their framing alone: nothing is copied, nothing given to anybody. What
// Kafka's broker asks of the records that a producer sends.
#pragma once

#include <cstdint>
#include <optional>

#include "schemas/message.h"

namespace tandem {

struct RecordScan {
  /// The first record, counted from 0, that cannot be: its parts do not fill the size that it claims exactly, a size is
  /// negative, or its offset is not the next one. Bytes behind the last record: the count of records.
  std::optional<std::int32_t> malformed;
  /// The first record that has no key. Not looked for behind one that is malformed.
  std::optional<std::int32_t> without_key;
};

/// `records` are plain (not compressed any more), and there are to be `count` of them with offset deltas from 0 on.
/// Linear in the number of records: keys, values and headers are stepped over.
RecordScan scan_records(Bytes records, std::int32_t count);

}  // namespace tandem
