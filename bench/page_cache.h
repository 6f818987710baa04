// What the page cache holds of files, and making it forget them: a read is cold when nothing of it lies there.
#pragma once

#include <cstdint>
#include <string>

namespace tandem::bench {

struct Eviction {
  std::string how;            // by which means
  double resident_share = 0;  // of the files' bytes that stay in the page cache all the same
};

/// Of all files below `directory`, which nobody may have mapped. First by posix_fadvise, which touches these files alone;
/// if more than 1 % stays and this is root, by /proc/sys/vm/drop_caches. The host of a virtual machine may still have them.
Eviction evict(const std::string& directory);

/// Reads all files below `directory` in steps of 1 MiB, one after another. Bytes per second.
double read_all(const std::string& directory);

}  // namespace tandem::bench
