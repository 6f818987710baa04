// What every face asks of a record batch before the core sees it.
#pragma once

#include <optional>
#include <vector>

#include "broker/core/topic_options.h"
#include "broker/core/vocabulary.h"
#include "schemas/message.h"
#include "schemas/result.h"

namespace tandem::wire {

struct JudgedBatch {
  core::BatchView view;  // its facts, with `body` not yet set
  std::int32_t first_without_key = -1;  // where keys are needed: the record that lacks one, counted from 0
  Bytes bytes;           // what is to be staged: the batch as it came, or
  std::vector<std::byte> recompressed;  // in the topic's codec
};

struct Judgement {
  Result<JudgedBatch> batch;
  std::int32_t malformed_record = -1;  // why it is refused: the record's number from 0 on
};

/// Checks a batch and its checksum, and its records one by one: their framing, that their offsets are dense, and keys
/// where they are needed. Records that are compressed are looked at where they are decompressed anyway: where keys are
/// needed, or the topic has another codec, in which they are compressed anew. `rules`: what BrokerPort::batch_rules()
/// says of its topic. Thread-safe.
/// Errors: too_large, corrupt, not_supported, access_refused (control batches are the broker's own), invalid_argument (a
/// record is malformed).
Judgement judge_append(Bytes batch, const core::BatchRules& rules);

/// The same, or nullopt when it would take milliseconds: records may decompress to 128 MiB, which takes lz4 0.14 s and gzip
/// 1.1 s, and to compress a megabyte anew takes gzip 30 ms.
std::optional<Judgement> judge_append_at_once(Bytes batch, const core::BatchRules& rules);

}  // namespace tandem::wire
