// What this machine can do at all, measured beside the workloads: no broker of any design gets above it.
#pragma once

#include <string>

#include "bench/measure.h"

namespace tandem::bench {

struct Machine {
  double sync_4k_p50_us = 0, sync_4k_p99_us = 0;  // pwrite + fdatasync of 4 KiB, into a pre-written file
  double journal_bytes_per_s = 0;                 // pwrite + fdatasync of 1 MiB, likewise, one after the other
  double copy_bytes_per_s = 0;                    // memcpy, larger than the caches
  double loopback_bytes_per_s = 0;                // one TCP connection, 64 KiB writes, reader beside writer
  double round_trip_us = 0;                       // 100 bytes there and back over loopback TCP, p50
};

/// Takes about a second; files are made in `directory` and removed.
Machine measure_machine(const std::string& directory);

struct BareSyncs {
  Histogram syncs;     // of each pwrite + fdatasync
  Histogram messages;  // of each message, from when it was due until it was synced: a stall counts for all that it held up
};
/// pwrite + fdatasync in a loop that writes so many bytes and messages per second: each takes what has become due while the last
/// one ran, at least 4 KiB, as a commit group does. A broker without any work of its own would be that.
BareSyncs bare_syncs(const std::string& directory, double bytes_per_s, double messages_per_s, double seconds);

/// Touches a quarter of the memory that is available, at most `size_max_bytes`, and frees it again. In a virtual machine
/// the first touch of a page costs several times what later ones do, and whoever runs first would pay. Gives the bytes.
std::size_t touch_memory(std::size_t size_max_bytes);

}  // namespace tandem::bench
