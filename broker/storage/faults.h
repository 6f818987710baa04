// What a test or a simulation makes go wrong in the in-memory file system.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "schemas/result.h"

namespace tandem::storage {

enum class FileOperation : std::uint8_t {
  open,
  create,
  rename,
  remove,
  list,
  make_directory,
  sync_directory,
  write,
  read,
  sync,
  size,
  truncate,
  punch_hole,
  lock
};
inline constexpr std::size_t file_operations = static_cast<std::size_t>(FileOperation::lock) + 1;

std::string_view name(FileOperation operation);

enum class FaultKind : std::uint8_t {
  io_error,     // EIO; nothing was done
  disk_full,    // ENOSPC; nothing was done
  short_write,  // ENOSPC after half of the bytes; for other operations like disk_full
  power_off,    // this and everything after it fails, until MemoryFileSystem::crash()
};

/// Counts operations and says which of them fail. Not thread safe: the file system's lock covers it.
class Faults {
 public:
  /// Operation `nth` from now (1 = the next) fails; of this kind, or of any. One fault at a time.
  void fail(std::uint64_t nth, FaultKind kind, std::optional<FileOperation> only = std::nullopt);
  void clear();
  bool is_waiting() const { return countdown_ != 0; }
  bool power_is_off() const { return power_is_off_; }

  /// The file system asks before each operation. nullopt: it goes on.
  std::optional<FaultKind> next(FileOperation operation);

  std::uint64_t count(FileOperation operation) const { return counts_[static_cast<std::size_t>(operation)]; }
  std::uint64_t count() const;

 private:
  std::array<std::uint64_t, file_operations> counts_{};
  std::uint64_t countdown_ = 0;  // 0: no fault is set
  FaultKind kind_ = FaultKind::io_error;
  std::optional<FileOperation> only_;
  bool power_is_off_ = false;
};

Error fault_error(FaultKind kind, FileOperation operation, const std::string& path);

}  // namespace tandem::storage
