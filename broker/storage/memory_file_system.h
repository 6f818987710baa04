// A FileSystem in memory: for tests, and as the simulator's disk. Deterministic. It fails on demand
// (faults.h), and a crash keeps an arbitrary part of what was not synced.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "broker/storage/faults.h"
#include "broker/storage/file.h"
#include "broker/storage/memory_inode.h"

namespace tandem::storage {

/// Thread rule: any thread. Outlives its files.
class MemoryFileSystem : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, Access access = Access::read_write) override;
  Result<std::unique_ptr<File>> create(const std::string& path) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> remove(const std::string& path) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Result<> make_directory(const std::string& path) override;
  Result<> sync_directory(const std::string& path) override;
  Result<std::uint64_t> free_bytes(const std::string& path) override;
  Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) override;

  /// Power loss, and power again. Of each file any set of unsynced sectors is kept; of the names, any first
  /// part of what was done since the directory's last sync. Open files only give errors from now on; locks
  /// are gone; faults are cleared. The same `random` state gives the same outcome.
  void crash(std::mt19937_64& random, CrashKeeps keeps = CrashKeeps::any);
  /// A killed process: everything that was written stays. Open files, locks and faults as for crash().
  void kill();

  void fail(std::uint64_t nth, FaultKind kind, std::optional<FileOperation> only = std::nullopt);
  void clear_faults();
  std::uint64_t count(FileOperation operation) const;
  std::uint64_t count() const;
  /// try_read_cached() finds nothing from now on (or everything again).
  void set_cold(bool cold);
  /// What free_bytes() says: capacity minus the files' sizes.
  void set_capacity_bytes(std::uint64_t capacity);
  /// Flips a bit, as a failing disk does. The file must exist.
  void flip_bit(const std::string& path, std::uint64_t position, unsigned bit = 0);
  /// Other damage of that kind; the file must exist.
  void zero(const std::string& path, std::uint64_t position, std::uint64_t size);
  void cut(const std::string& path, std::uint64_t size);
  struct FileSize {
    std::string path;
    std::uint64_t size_bytes = 0;
  };
  /// All files, by path.
  std::vector<FileSize> all_files() const;
  /// Whether the fault that was set last has happened.
  bool fault_is_over() const;

 private:
  friend class MemoryFile;
  friend class MemoryLock;
  using Inode = std::shared_ptr<MemoryInode>;
  using Names = std::map<std::string, Inode>;
  /// A change of names that its directory has not synced yet; applied to `synced_names_` in order.
  struct Change {
    std::string directory;
    std::string removed;  // path, or empty
    std::string added;    // path, or empty
    Inode inode;          // of `added`
  };

  std::optional<Error> fault(FileOperation operation, const std::string& path);
  void change(std::string removed, std::string added, Inode inode);
  static void apply(const Change& change, Names& names);
  void start_again();

  mutable std::mutex mutex_;
  Names names_;
  Names synced_names_;
  std::vector<Change> changes_;
  std::set<std::string> directories_;  // made for good at once: they hold nothing by themselves
  std::set<std::string> locks_;
  Faults faults_;
  std::uint64_t life_ = 1;  // counts crashes: files of an earlier life are dead
  std::uint64_t capacity_bytes_ = 1ull << 40;
  bool cold_ = false;
};

}  // namespace tandem::storage
