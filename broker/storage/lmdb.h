// The checkpoint's key-value file. The only user of LMDB (lmdb.cpp is the only file that includes lmdb.h).
//
// Each value is cut into chunks of at most lmdb_chunk_size_max_bytes, because larger ones go to overflow
// pages whose bookkeeping costs more than they are worth; each chunk carries a CRC32C over its key and
// itself, which LMDB lacks.
//   stored key   = key, chunk number u16 (big endian)
//   stored value = crc u32 (little endian), more u8 (1 = another chunk follows), bytes
// Key "#" belongs to this class: the number of all other chunks, kept by every commit.
// A key must not be the beginning of another key; then a chunk number cannot be mistaken for a part of one.
//
// All commits are synced (no MDB_NOSYNC, MDB_WRITEMAP, MDB_NOMETASYNC: they lose or corrupt on power loss),
// and no read transaction outlives a call. Thread rule: any one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "schemas/message.h"
#include "schemas/result.h"

struct MDB_env;

namespace tandem::storage {

inline constexpr std::size_t lmdb_chunk_size_max_bytes = 1900;
/// LMDB's own limit is 511; the chunk number takes two.
inline constexpr std::size_t lmdb_key_size_max_bytes = 509;

/// What one transaction does: first the erasures, then the puts in key order.
struct LmdbChanges {
  struct Put {
    std::string key, value;
  };
  /// Every key that begins with `prefix` and ends with `suffix`; with a suffix, only those that consist of
  /// the prefix, `between` bytes and the suffix.
  struct Erasure {
    std::string prefix, suffix;
    std::size_t between = 0;
  };
  std::vector<Erasure> erasures;
  std::vector<Put> puts;
};

/// Whether the erasure takes this key.
bool matches(std::string_view key, const LmdbChanges::Erasure& erasure);

class Lmdb {
 public:
  /// Opens or makes `directory`/checkpoint.mdb. Errors: access (text has the path), corrupt, not_supported.
  static Result<std::unique_ptr<Lmdb>> open(const std::string& directory, bool read_only = false);
  ~Lmdb();
  Lmdb(const Lmdb&) = delete;
  Lmdb& operator=(const Lmdb&) = delete;

  using Visit = std::function<Result<>(std::string_view key, std::string_view value)>;
  /// Every key that begins with `prefix`, in order; ends at the first error, which is passed on. Views live
  /// as long as the call. Errors: corrupt (a chunk's checksum, a chunk is missing), with the file and the
  /// key.
  Result<> for_each(std::string_view prefix, const Visit& visit) const;
  /// Errors: corrupt.
  Result<std::optional<std::string>> get(std::string_view key) const;

  /// One synced transaction: on disk when it returns. The map grows when it is full. After an error nothing
  /// of it happened. resource_alarm: the disk is full, and it may be tried again; after any other error the caller
  /// must treat the store as failed.
  Result<> commit(const LmdbChanges& changes);

  /// Whether the number of chunks is what the last commit said: beside their checksums, the witness that none
  /// is missing. Errors: corrupt.
  Result<> check_count() const;
  /// Bytes of the file in use.
  std::uint64_t size_bytes() const;
  const std::string& path() const { return path_; }

 private:
  Lmdb(MDB_env* environment, std::string path) : environment_(environment), path_(std::move(path)) {}
  Error error(int code, const char* doing) const;
  int put_count(void* transaction);
  static Result<std::unique_ptr<Lmdb>> open_judged(const std::string& directory, bool read_only);
  Result<int> try_commit(const LmdbChanges& changes);
  Result<> grow();
  void let_memory_go();

  MDB_env* environment_;
  unsigned database_ = 0;
  std::string path_;
  mutable std::size_t chunks_read_ = 0;  // since the last commit
};

}  // namespace tandem::storage
