// The only seam to the operating system's files. Two implementations: posix_file_system.cpp (real) and
// memory_file_system.h (tests and simulation: deterministic, fails and crashes on demand).
//
// Every failure is an Error with path, position and the system's text. Codes: not_found (no such file),
// already_exists, resource_alarm (disk full), locked (directory in use), out_of_range (read past the end),
// internal (anything else).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "broker/storage/aligned_memory.h"
#include "schemas/message.h"
#include "schemas/result.h"

namespace tandem::storage {

/// An open file. Positions and sizes are bytes. Thread rule: any thread; concurrent calls on ranges that do
/// not overlap are independent of each other. Closed by its destructor.
class File {
 public:
  virtual ~File() = default;

  /// Writes the parts, joined, at `position`; all or an error (then any part of it may be there). One system
  /// call in the usual case. Not durable before sync().
  virtual Result<> write(std::uint64_t position, std::span<const Bytes> parts) = 0;
  /// Fills all of `into`, or fails; out_of_range when the file ends before.
  virtual Result<> read(std::uint64_t position, std::span<std::byte> into) = 0;
  /// Fills as much of `into` as the file has and says how much.
  virtual Result<std::size_t> read_some(std::uint64_t position, std::span<std::byte> into) = 0;
  /// The same as write() and read_some(), past the system's page cache where it can: what is written once and read
  /// seldom (the journal) is not copied into memory that nobody looks at. For it, positions, sizes and memory must be
  /// multiples of direct_block_bytes (aligned_memory.h); anything else is done by way of the cache.
  virtual Result<> write_direct(std::uint64_t position, std::span<const Bytes> parts) {
    return write(position, parts);
  }
  virtual Result<std::size_t> read_direct(std::uint64_t position, std::span<std::byte> into) {
    return read_some(position, into);
  }
  /// Like read(), but only from memory. false: it would have to wait for the disk, `into` is undefined.
  virtual Result<bool> try_read_cached(std::uint64_t position, std::span<std::byte> into) = 0;

  /// The range is read soon by way of the page cache, or not again for long: hints, which do nothing where there is no such cache.
  virtual void expect_reads(std::uint64_t /*position*/, std::uint64_t /*size*/) {}
  virtual void forget_reads(std::uint64_t /*position*/, std::uint64_t /*size*/) {}
  /// From now on no more is read from the disk than read() is asked for: who reads in order is not read ahead of. A hint, too.
  virtual void read_no_further() {}

  /// All that was written before is on disk, with the file's size. A failure is final: what was written is
  /// unknown, and a later sync() may lie. Never retry.
  virtual Result<> sync() = 0;
  virtual Result<std::uint64_t> size() = 0;
  /// Cuts off or extends with zeros.
  virtual Result<> truncate(std::uint64_t size) = 0;
  /// Takes disk space for the file's first `size` bytes, where the file system can; its size stays. Best effort.
  virtual void reserve(std::uint64_t /*size*/) {}
  /// Gives the range's disk space back; it reads as zeros. The size stays.
  virtual Result<> punch_hole(std::uint64_t position, std::uint64_t size) = 0;

  virtual const std::string& path() const = 0;

  Result<> write(std::uint64_t position, Bytes bytes) { return write(position, std::span(&bytes, 1)); }
  /// Writes zeros over the range, 1 MiB at a time, and syncs: later writes there touch no metadata.
  Result<> prewrite(std::uint64_t position, std::uint64_t size);
};

/// Held while the store is open; destroying it lets go.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
};

enum class Access { read_only, read_write };

/// Thread rule: any thread. Paths are as the system takes them; parts are joined with '/'.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual Result<std::unique_ptr<File>> open(const std::string& path, Access access = Access::read_write) = 0;
  /// A new, empty file; already_exists when there is one. Its name is durable after sync_directory().
  virtual Result<std::unique_ptr<File>> create(const std::string& path) = 0;
  /// Replaces `to`. Durable after sync_directory(). Open files stay open.
  virtual Result<> rename(const std::string& from, const std::string& to) = 0;
  /// A file or an empty directory.
  virtual Result<> remove(const std::string& path) = 0;
  virtual Result<bool> exists(const std::string& path) = 0;
  /// Names (not paths) of files and directories in it, sorted.
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
  /// With its parents; no error when it exists.
  virtual Result<> make_directory(const std::string& path) = 0;
  /// Creations, renames and removals in this directory are on disk.
  virtual Result<> sync_directory(const std::string& path) = 0;
  /// Free space where `path` is.
  virtual Result<std::uint64_t> free_bytes(const std::string& path) = 0;
  /// Takes the directory for this process: file LOCK, with the pid in it. `locked` names the pid that holds
  /// it.
  virtual Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) = 0;
};

std::unique_ptr<FileSystem> make_posix_file_system();

}  // namespace tandem::storage
