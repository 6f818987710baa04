// A message whose delay is over, as its exchange routes it.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "schemas/message.h"

namespace tandem::server {

/// The stored message with its header x-delay negated, so that consumers see that it was delayed and no further delayed
/// exchange delays it again (what RabbitMQ's plugin does). nullopt when `stored` is no whole message.
std::optional<std::vector<std::byte>> end_delay(Bytes stored);

}  // namespace tandem::server
