#include "broker/storage/topic_file_writer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tandem::storage {

TopicFileWriter::TopicFileWriter(FileSystem& files, std::string directory, bool directory_is_new)
    : files_(files), directory_(std::move(directory)), directory_is_new_(directory_is_new) {}

Result<> TopicFileWriter::enter(std::string name, std::uint64_t position) {
  if (auto paused = pause(); !paused) return paused;
  if (auto synced = sync(); !synced) return synced;
  name_ = std::move(name);
  written_bytes_ = position;
  return Done{};
}

Result<> TopicFileWriter::append(Bytes bytes) {
  while (!bytes.empty()) {
    bytes = bytes.subspan(gather(bytes));
    if (slice_.size_bytes == slice_size_bytes)
      if (auto written = write_pending(false); !written) return written;
  }
  return Done{};
}

Result<> TopicFileWriter::append_in_place(Bytes bytes) {
  const std::uint64_t behind_block = end() % direct_block_bytes;
  const bool lies_as_in_file = reinterpret_cast<std::uintptr_t>(bytes.data()) % direct_block_bytes == behind_block;
  if (!lies_as_in_file || bytes.size() < direct_min_bytes) return append(bytes);
  const std::size_t head = behind_block == 0 ? 0 : direct_block_bytes - behind_block;
  if (auto appended = append(bytes.first(head)); !appended) return appended;
  const Bytes blocks = bytes.subspan(head, (bytes.size() - head) / direct_block_bytes * direct_block_bytes);
  take_slice();
  end_run(slice_.size_bytes);
  pieces_.push_back(blocks);
  pending_bytes_ += blocks.size();
  return append(bytes.subspan(head + blocks.size()));
}

void TopicFileWriter::take_slice() {
  if (slice_.memory) return;
  run_begins_at_ = written_bytes_ % direct_block_bytes;
  slice_ = {make_aligned(slice_size_bytes), run_begins_at_};
}

/// Takes as much of it as there is room for, and says how much.
std::size_t TopicFileWriter::gather(Bytes bytes) {
  take_slice();
  const std::size_t taken = std::min(bytes.size(), slice_size_bytes - slice_.size_bytes);
  std::memcpy(slice_.memory.get() + slice_.size_bytes, bytes.data(), taken);
  slice_.size_bytes += taken;
  pending_bytes_ += taken;
  return taken;
}

/// The run up to `at` of the slice is one piece.
void TopicFileWriter::end_run(std::size_t at) {
  if (at > run_begins_at_) pieces_.push_back(slice_.bytes().subspan(run_begins_at_, at - run_begins_at_));
  run_begins_at_ = at;
}

Result<> TopicFileWriter::pause() {
  if (auto written = write_pending(true); !written) return written;
  slice_ = {};
  if (unsynced_bytes_ >= sync_from_bytes)
    if (auto synced = sync(); !synced) return synced;
  file_.reset();
  return Done{};
}

/// A file that was closed meanwhile is opened again: a sync is of the file, whoever wrote it.
Result<> TopicFileWriter::sync() {
  if (std::exchange(unsynced_bytes_, 0) == 0) return Done{};
  if (auto opened = ensure_open(); !opened) return opened;
  auto synced = file_->sync();
  sync_failed_ = !synced.ok();
  file_.reset();
  return synced;
}

Result<> TopicFileWriter::finish() {
  if (auto paused = pause(); !paused) return paused;
  if (auto synced = sync(); !synced) return synced;
  return names_changed_ ? sync_names() : Result<>{};
}

/// The names of new files, and of the directories down to them.
Result<> TopicFileWriter::sync_names() {
  const int levels = directory_is_new_ ? 3 : 1;  // topics/<topic>/<partition>
  std::string directory = directory_;
  for (int level = 0; level < levels; ++level) {
    auto synced = files_.sync_directory(directory);
    sync_failed_ = !synced.ok();
    if (sync_failed_) return synced;
    directory.resize(directory.rfind('/'));
  }
  return Done{};
}

Result<std::unique_ptr<File>> TopicFileWriter::make_file() {
  names_changed_ = true;
  if (directory_is_new_)
    if (auto made = files_.make_directory(directory_); !made) return made.error();
  auto file = files_.create(path());
  if (file.ok() || file.error().code != ErrorCode::already_exists) return file;
  // A crash before it was committed left one of this name: nothing refers to it.
  file = files_.open(path());
  if (!file) return file;
  if (auto cut = (*file)->truncate(0); !cut) return cut.error();
  return file;
}

Result<std::unique_ptr<File>> TopicFileWriter::open_file() {
  auto file = files_.open(path());
  if (!file) return file;
  const auto size = (*file)->size();
  if (!size) return size.error();
  if (*size >= written_bytes_) return file;
  return Error{ErrorCode::corrupt, path() + " has " + std::to_string(*size) + " bytes, but " +
                                       std::to_string(written_bytes_) + " were written"};
}

/// `all`: also what does not fill its last block yet. The rest of that stays at the beginning of the slice.
Result<> TopicFileWriter::write_pending(bool all) {
  if (pending_bytes_ == 0) return Done{};
  if (auto opened = ensure_open(); !opened) return opened;
  const std::uint64_t behind_block = written_bytes_ % direct_block_bytes;
  const std::uint64_t rest = std::min(end() % direct_block_bytes, pending_bytes_);
  const std::uint64_t head = behind_block == 0 ? 0 : std::min(direct_block_bytes - behind_block, pending_bytes_ - rest);
  // A few blocks are not worth a way of their own.
  const bool direct = pending_bytes_ - head - rest >= direct_min_bytes;
  end_run(slice_.size_bytes - rest);
  if (all && !direct) end_run(slice_.size_bytes);

  if (direct && head > 0) {  // what is before it in its block is on the disk, and not in memory
    const Bytes first = pieces_.front().first(head);
    pieces_.front() = pieces_.front().subspan(head);
    if (auto written = write_pieces({&first, 1}, false); !written) return written;
    if (pieces_.front().empty()) pieces_.erase(pieces_.begin());
  }
  if (auto written = write_pieces(pieces_, direct); !written) return written;
  pieces_.clear();
  if (all) end_run(slice_.size_bytes);
  if (auto written = write_pieces(pieces_, false); !written) return written;
  pieces_.clear();

  const std::size_t kept = slice_.size_bytes - run_begins_at_;
  std::memmove(slice_.memory.get(), slice_.memory.get() + run_begins_at_, kept);
  run_begins_at_ = 0;
  slice_.size_bytes = kept;
  return Done{};
}

Result<> TopicFileWriter::write_pieces(std::span<const Bytes> pieces, bool direct) {
  std::uint64_t size = 0;
  for (const Bytes piece : pieces) size += piece.size();
  if (size == 0) return Done{};
  auto written = direct ? file_->write_direct(written_bytes_, pieces) : file_->write(written_bytes_, pieces);
  written_bytes_ += size;
  pending_bytes_ -= size;
  unsynced_bytes_ += size;
  return written;
}

Result<> TopicFileWriter::ensure_open() {
  if (file_) return Done{};
  auto file = written_bytes_ == 0 ? make_file() : open_file();
  if (!file) return file.error();
  file_ = std::move(*file);
  return Done{};
}

}  // namespace tandem::storage
