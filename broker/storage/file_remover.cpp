#include "broker/storage/file_remover.h"

#include <algorithm>
#include <utility>

namespace tandem::storage {
namespace {

/// With so many files more that wait, a step frees as much again: who writes and forgets 1 GB/s in files of 64 MiB has some 50 of
/// them waiting.
constexpr std::size_t files_per_step_size = 16;
/// Of small ones, for each step size: removing one is work for the file system's journal, too.
constexpr std::uint64_t files_per_step_max = 4;

bool is_gone(const Error& error) { return error.code == ErrorCode::not_found; }

}  // namespace

Result<> FileRemover::step() {
  std::uint64_t left_bytes = step_size_bytes_ * (1 + old_.size() / files_per_step_size);
  while (!old_.empty() && left_bytes > 0) {
    auto done = step_first(left_bytes);
    if (done.ok()) continue;
    file_.reset();
    old_.pop_front();
    if (!is_gone(done.error())) return done;
  }
  return Done{};
}

Result<> FileRemover::step_first(std::uint64_t& left_bytes) {
  switch (old_.front().kind) {
    case Kind::file:
      return shorten_or_remove(left_bytes);
    case Kind::directory:
      return list_directory();
    case Kind::listed_directory:
      return remove_first();
  }
  return Done{};
}

Result<> FileRemover::shorten_or_remove(std::uint64_t& left_bytes) {
  if (!file_) {
    auto file = files_.open(old_.front().path);
    if (!file) return file.error();
    const auto size = (*file)->size();
    if (!size) return size.error();
    file_ = std::move(*file);
    size_bytes_ = *size;
  }
  if (old_.front().is_read || hurries_ || size_bytes_ <= left_bytes) {
    left_bytes -= std::min(left_bytes, std::max(size_bytes_, step_size_bytes_ / files_per_step_max));
    return remove_first();
  }
  size_bytes_ -= std::exchange(left_bytes, 0);
  return file_->truncate(size_bytes_);
}

Result<> FileRemover::list_directory() {
  Old& directory = old_.front();
  const auto names = files_.list(directory.path);
  if (!names) return names.error();
  directory.kind = Kind::listed_directory;
  const std::string prefix = directory.path + "/";
  const bool is_read = directory.is_read;
  for (const std::string& name : *names) old_.push_front({prefix + name, Kind::file, is_read});
  return Done{};
}

Result<> FileRemover::remove_first() {
  file_.reset();
  if (auto removed = files_.remove(old_.front().path); !removed) return removed;
  old_.pop_front();
  return Done{};
}

}  // namespace tandem::storage
