// The control batches that end a producer's transaction.
#pragma once

#include <functional>
#include <vector>

#include "broker/core/send.h"
#include "schemas/message.h"

namespace tandem::server {

/// One for each partition, staged with `stage`: every partition gives its copy an offset of its own.
std::vector<core::BatchView> make_markers(const core::WriteMarkers& request,
                                          const std::function<BodyHandle(Bytes)>& stage);

}  // namespace tandem::server
