// Removes files a little at a time. Where the file system tells the disk what was freed (mount option discard), the disk is busy
// with that, and the journal's small writes wait: 64 MiB at once kept them for 12 ms, 1 MiB for less than one.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "broker/storage/file.h"

namespace tandem::storage {

/// Thread rule: one thread, but for hurry(). What it did not get to is left when it goes.
class FileRemover {
 public:
  FileRemover(FileSystem& files, std::uint64_t step_size_bytes) : files_(files), step_size_bytes_(step_size_bytes) {}

  /// A file that is not made again. `is_read`: somebody may still read it, and reads on when its name has gone; so it goes whole.
  void add_file(std::string path, bool is_read) { old_.push_back({std::move(path), Kind::file, is_read}); }
  /// A directory of files, with those that are in it when its turn comes.
  void add_directory(std::string path, bool is_read) { old_.push_back({std::move(path), Kind::directory, is_read}); }
  bool empty() const { return old_.empty(); }

  /// Frees some disk space: the more files wait, the more. An error is of one file, which is left. What is not there is none.
  Result<> step();
  /// From now on each file goes whole: the disk has nobody to be kept for. Any thread.
  void hurry() { hurries_ = true; }

 private:
  enum class Kind { file, directory, listed_directory };
  struct Old {
    std::string path;
    Kind kind;
    bool is_read = false;
  };

  Result<> step_first(std::uint64_t& left_bytes);
  Result<> shorten_or_remove(std::uint64_t& left_bytes);
  Result<> list_directory();
  Result<> remove_first();

  FileSystem& files_;
  const std::uint64_t step_size_bytes_;
  std::deque<Old> old_;
  std::unique_ptr<File> file_;  // the first, once it is being shortened
  std::uint64_t size_bytes_ = 0;  // of it
  std::atomic<bool> hurries_ = false;
};

}  // namespace tandem::storage
