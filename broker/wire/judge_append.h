// What every face asks of a record batch before the core sees it.
#pragma once

#include <vector>

#include "broker/core/topic_options.h"
#include "broker/core/vocabulary.h"
#include "schemas/message.h"
#include "schemas/result.h"

namespace tandem::wire {

struct JudgedBatch {
  core::BatchView view;  // its facts, with `body` not yet set
  Bytes bytes;           // what is to be staged: the batch as it came, or
  std::vector<std::byte> recompressed;  // in the topic's codec
};

/// Checks a batch and its checksum. `rules`: what BrokerPort::batch_rules() says of its topic. A batch in another codec than the
/// topic's is compressed anew; keys are looked for only where they are needed, by a walk over the records.
/// Errors: too_large, corrupt, not_supported, access_refused (control batches are the broker's own).
Result<JudgedBatch> judge_append(Bytes batch, const core::BatchRules& rules);

}  // namespace tandem::wire
