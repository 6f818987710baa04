// Writes bytes at the end of segment files of one partition: whole blocks past the page cache, what is less than a block
// by way of it. Knows nothing of batches, facts and indexes. Thread rule: one thread at a time.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "broker/storage/aligned_memory.h"
#include "broker/storage/file.h"

namespace tandem::storage {

class TopicFileWriter {
 public:
  /// `directory_is_new`: it may have to be made, and its name and its parent's kept, with the first file.
  TopicFileWriter(FileSystem& files, std::string directory, bool directory_is_new);

  /// What follows goes into this file, from `position` on; 0: the file is new, and one of this name that a crash left is cut.
  /// What went into another one before is written and synced first.
  Result<> enter(std::string name, std::uint64_t position);
  Result<> append(Bytes bytes);
  /// The same, but the bytes stay as they are until finish(): those that lie in memory as they will in the file's blocks (their
  /// address and place in it leave the same remainder) are written from there, without a copy.
  Result<> append_in_place(Bytes bytes);
  /// What was appended so far is written, and synced when it is much: a checkpoint of thousands of partitions that get a
  /// little each syncs each of them once, in finish(). No file is open and no memory is held until the next append.
  Result<> pause();
  /// Everything appended is on disk, with the names of new files. Nothing may be appended afterwards.
  Result<> finish();

  /// Whether the error that was given is of a sync: then what is on the disk is unknown, and stays so.
  bool sync_failed() const { return sync_failed_; }

 private:
  static constexpr std::size_t slice_size_bytes = 1u << 20;
  static constexpr std::size_t direct_min_bytes = 64u << 10;
  static constexpr std::uint64_t sync_from_bytes = 1u << 20;

  Result<std::unique_ptr<File>> make_file();
  Result<std::unique_ptr<File>> open_file();
  std::uint64_t end() const { return written_bytes_ + pending_bytes_; }
  void take_slice();
  std::size_t gather(Bytes bytes);
  void end_run(std::size_t at);
  Result<> write_pending(bool all);
  Result<> write_pieces(std::span<const Bytes> pieces, bool direct);
  Result<> ensure_open();
  Result<> sync();
  Result<> sync_names();
  std::string path() const { return directory_ + "/" + name_; }

  FileSystem& files_;
  const std::string directory_;
  const bool directory_is_new_;
  std::string name_;
  std::unique_ptr<File> file_;
  std::uint64_t written_bytes_ = 0;   // of the file
  std::uint64_t unsynced_bytes_ = 0;  // of them
  std::uint64_t pending_bytes_ = 0;   // behind them: pieces_, and the run of the slice that is still growing

  std::vector<Bytes> pieces_;  // of the slice, or in place
  AlignedBytes slice_;         // its bytes lie in it as in the file's blocks
  std::size_t run_begins_at_ = 0;
  bool names_changed_ = false;
  bool sync_failed_ = false;
};

}  // namespace tandem::storage
