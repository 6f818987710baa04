// What happens when there is no memory (docs/decisions/0011).
#pragma once

namespace tandem::server {

/// From now on a request for memory that fails ends the process at once: one line on stderr with the reason, status 1, nothing
/// is cleaned up. First thing in main().
void stop_when_out_of_memory();

}  // namespace tandem::server
