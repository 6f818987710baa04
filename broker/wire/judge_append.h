// What every face asks of a record batch before the core sees it.
#pragma once

#include "broker/core/vocabulary.h"
#include "schemas/message.h"
#include "schemas/result.h"

namespace tandem::wire {

/// The facts of a record batch, its checksum checked, with `body` not yet set.
/// `needs_keys`: what BrokerPort::needs_keys() says of its topic; only then is lacks_key told, by a walk over the records.
/// Errors: too_large, corrupt, not_supported, access_refused (control batches are the broker's own).
Result<core::BatchView> judge_append(Bytes batch, bool needs_keys);

}  // namespace tandem::wire
