// Files from front to back, the next stretch of it read while the one before is looked at.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "broker/base/limits.h"
#include "broker/storage/file.h"
#include "broker/base/worker.h"

namespace tandem::storage {

/// Reads past the page cache, where the journal is not (docs/decisions/0006): a journal that was just written takes as
/// long to read as to decode, so both are done at once. For one thread; `reader` does the reading ahead and is waited
/// for, so nothing else that takes long may run there.
class ReadAhead {
 public:
  explicit ReadAhead(Worker& reader) : reader_(reader) {}
  ~ReadAhead() { wait(); }
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// From now on it reads this file, with the memory that it has; the file must stay until close() or the next open().
  void open(File& file);
  void close() { wait(); }
  /// Up to `size` bytes at `offset`; fewer only where the file ends. Valid until the next call.
  Result<Bytes> at(std::uint64_t offset, std::size_t size);

 private:
  /// What is read in one go, which is also the most that is carried over in front of it: a commit group of the usual
  /// largest size is then never read twice.
  static constexpr std::size_t step_bytes = limits::group_size_max_bytes + (64u << 10);

  /// A stretch of the file: `begin` to `end`, which lie in memory from `skip` on.
  struct Stretch {
    AlignedMemory memory;
    std::size_t capacity_bytes = 0;
    std::uint64_t begin = 0, end = 0;
    std::size_t skip = 0;
    bool at_end_of_file = false;
  };

  bool holds(std::uint64_t offset, std::size_t size) const;
  Result<bool> join_next(std::uint64_t offset, std::size_t size);
  Result<> fill(std::uint64_t offset, std::size_t size);
  static Result<> read(File& file, Stretch& into, std::uint64_t begin, std::size_t size, std::size_t skip);
  void start_next();
  void wait();

  File* file_ = nullptr;
  Worker& reader_;
  Stretch now_, next_;
  std::optional<Result<>> next_read_;  // what became of it, once waited for
  bool reading_ = false;
};

}  // namespace tandem::storage
