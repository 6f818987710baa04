// The simulated machine's disk, which outlives the broker's lives: files in memory that are torn at a crash,
// and LMDB's file in a real directory of its own (LMDB needs one), whose commits are synced when they return.
#pragma once

#include <string>

#include "broker/storage/memory_file_system.h"
#include "broker/storage/store.h"

namespace tandem::sim {

class Disk {
 public:
  /// The directory is made in memory where the system has such a place, and removed at the end.
  Disk();
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  storage::MemoryFileSystem files;
  const std::string& lmdb_directory() const { return lmdb_directory_; }
  storage::StoreOptions store_options() const;
  /// What the offline checker says of it; the broker must not run.
  std::vector<std::string> problems();

 private:
  std::string lmdb_directory_;
};

}  // namespace tandem::sim
