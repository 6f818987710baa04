// What this machine can do at all, measured beside the workloads: no broker of any design gets above it.
#pragma once

#include <string>

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

}  // namespace tandem::bench
