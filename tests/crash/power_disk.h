// A disk of its own for the crash test, whose power can go: an ext4 file system on a loop file. Needs root and loop
// devices.
#pragma once

#include <string>

#include "schemas/result.h"

namespace tandem::crash {

class PowerDisk {
 public:
  /// Makes and mounts it at `directory`/disk. Errors: not_supported, with the reason, where this machine cannot.
  static Result<PowerDisk> make(const std::string& directory, unsigned size_mib);
  PowerDisk(PowerDisk&& other) noexcept : directory_(std::move(other.directory_)) { other.directory_.clear(); }
  PowerDisk& operator=(PowerDisk&&) = delete;
  /// Unmounts it and removes the loop file.
  ~PowerDisk();

  std::string mount_point() const { return directory_ + "/disk"; }
  /// From now on nothing reaches the disk, and the file system's log is not flushed: what was not synced is gone.
  Result<> cut();
  /// Power again: unmounts, mounts (the file system recovers). Nobody may have files open on it.
  Result<> restore();

 private:
  explicit PowerDisk(std::string directory) : directory_(std::move(directory)) {}
  std::string directory_;
};

}  // namespace tandem::crash
