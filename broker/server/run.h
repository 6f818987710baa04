// A whole broker, from its options to its exit status.
#pragma once

#include "broker/server/options.h"

namespace tandem::server {

/// Prints one line on stdout when clients can connect: "ready native=127.0.0.1:7171 amqp=127.0.0.1:5672".
/// Returns when SIGTERM or SIGINT has stopped it in order (0) or it could not start (1). When the store fails
/// it does not return: the process ends with status 1 at once, so that nothing can be said that the disk does
/// not hold.
int run(const Options& options);

}  // namespace tandem::server
