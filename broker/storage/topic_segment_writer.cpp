#include "broker/storage/topic_segment_writer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "broker/base/check.h"

namespace tandem::storage {

TopicSegmentWriter::TopicSegmentWriter(FileSystem& files, std::string directory, TopicSegmentLimits limits,
                                       std::optional<TopicSegmentFacts> active, TopicSegmentKind kind)
    : files_(files), directory_(std::move(directory)), limits_(limits), kind_(kind), active_(active) {}

Result<> TopicSegmentWriter::append(Bytes batch, Offset base, Offset last, TimestampMs max_timestamp) {
  if (!active_ || must_roll(batch.size(), max_timestamp)) {
    if (auto rolled = roll(base); !rolled) return rolled;
  } else if (growths_.empty()) {
    growths_.push_back({*active_, {}});
    written_bytes_ = active_->size_bytes;
  }
  note(batch, base, last, max_timestamp);
  while (!batch.empty()) {
    batch = batch.subspan(gather(batch));
    if (slice_.size_bytes == slice_size_bytes)
      if (auto written = write_slice(false); !written) return written;
  }
  return Done{};
}

/// Takes as much of it as there is room for, and says how much.
std::size_t TopicSegmentWriter::gather(Bytes batch) {
  if (!slice_.memory) slice_ = {make_aligned(slice_size_bytes), written_bytes_ % direct_block_bytes};
  const std::size_t taken = std::min(batch.size(), slice_size_bytes - slice_.size_bytes);
  std::memcpy(slice_.memory.get() + slice_.size_bytes, batch.data(), taken);
  slice_.size_bytes += taken;
  return taken;
}

void TopicSegmentWriter::note_delete_horizon(TimestampMs horizon) {
  TimestampMs& earliest = growths_.back().facts.delete_horizon;
  earliest = earliest < 0 ? horizon : std::min(earliest, horizon);
  active_ = growths_.back().facts;
}

Result<> TopicSegmentWriter::pause() {
  if (auto written = write_slice(true); !written) return written;
  slice_ = {};
  if (unsynced_bytes_ >= sync_from_bytes)
    if (auto synced = sync(); !synced) return synced;
  file_.reset();
  return Done{};
}

/// A file that was closed meanwhile is opened again: a sync is of the file, whoever wrote it.
Result<> TopicSegmentWriter::sync() {
  if (std::exchange(unsynced_bytes_, 0) == 0) return Done{};
  if (auto opened = open_active(); !opened) return opened;
  auto synced = file_->sync();
  file_.reset();
  return synced;
}

Result<> TopicSegmentWriter::finish() {
  if (auto paused = pause(); !paused) return paused;
  if (auto synced = sync(); !synced) return synced;
  return names_changed_ ? sync_names() : Result<>{};
}

/// The names of new files, and of the directories down to them.
Result<> TopicSegmentWriter::sync_names() {
  const int levels = directory_is_new_ ? 3 : 1;  // topics/<topic>/<partition>
  std::string directory = directory_;
  for (int level = 0; level < levels; ++level) {
    if (auto synced = files_.sync_directory(directory); !synced) return synced;
    directory.resize(directory.rfind('/'));
  }
  return Done{};
}

bool TopicSegmentWriter::must_roll(std::size_t batch_size_bytes, TimestampMs max_timestamp) const {
  if (active_->size_bytes == 0) return false;
  const bool full = active_->size_bytes + batch_size_bytes > limits_.size_max_bytes;
  const bool old = limits_.age_max_ms >= 0 && max_timestamp - active_->first_timestamp > limits_.age_max_ms;
  return full || old;
}

Result<> TopicSegmentWriter::roll(Offset base) {
  if (auto paused = pause(); !paused) return paused;
  if (auto synced = sync(); !synced) return synced;
  directory_is_new_ = directory_is_new_ || (!active_ && kind_.generation == 0);
  active_ = TopicSegmentFacts{
      .base = base, .end = base, .generation = kind_.generation, .compacted = kind_.compacted};
  growths_.push_back({*active_, {}});
  written_bytes_ = 0;
  return Done{};
}

Result<std::unique_ptr<File>> TopicSegmentWriter::make_file(const std::string& path) {
  names_changed_ = true;
  if (directory_is_new_)
    if (auto made = files_.make_directory(directory_); !made) return made.error();
  auto file = files_.create(path);
  if (file.ok() || file.error().code != ErrorCode::already_exists) return file;
  // A crash before its checkpoint was committed left one of this name: nothing refers to it.
  file = files_.open(path);
  if (!file) return file;
  if (auto cut = (*file)->truncate(0); !cut) return cut.error();
  return file;
}

Result<std::unique_ptr<File>> TopicSegmentWriter::open_file(const std::string& path) {
  auto file = files_.open(path);
  if (!file) return file;
  const auto size = (*file)->size();
  if (!size) return size.error();
  if (*size >= written_bytes_) return file;
  return Error{ErrorCode::corrupt, path + " has " + std::to_string(*size) + " bytes, but " +
                                       std::to_string(written_bytes_) + " were written"};
}

/// Facts and index of the batch that is about to be appended. The first batch of every checkpoint has an
/// index entry, so that entries of committed checkpoints never change.
void TopicSegmentWriter::note(Bytes batch, Offset base, Offset last, TimestampMs max_timestamp) {
  auto& [facts, index] = growths_.back();
  if (index.empty() || facts.size_bytes - indexed_at_bytes_ >= topic_index_interval_bytes) {
    index.push_back({base, facts.size_bytes, max_timestamp});
    indexed_at_bytes_ = facts.size_bytes;
  }
  index.back().max_timestamp = std::max(index.back().max_timestamp, max_timestamp);
  if (facts.size_bytes == 0) facts.first_timestamp = max_timestamp;
  facts.max_timestamp = std::max(facts.max_timestamp, max_timestamp);
  facts.end = last + 1;
  facts.size_bytes += batch.size();
  active_ = facts;
}

/// `all`: also what does not fill its last block yet.
Result<> TopicSegmentWriter::write_slice(bool all) {
  const std::size_t begin = written_bytes_ % direct_block_bytes;  // what is before it in its block is on the disk
  const std::size_t end = slice_.size_bytes;
  if (!slice_.memory || begin == end) return Done{};
  if (auto opened = open_active(); !opened) return opened;
  const std::size_t blocks_end = end / direct_block_bytes * direct_block_bytes;
  const std::size_t head_end = begin == 0 ? 0 : std::min(direct_block_bytes, end);
  // A few blocks are not worth a way of their own.
  const bool direct = blocks_end >= head_end + direct_min_bytes;
  const std::size_t whole_end = all && !direct ? end : blocks_end;
  if (direct) {
    if (auto written = write_part(begin, head_end, false); !written) return written;
    if (auto written = write_part(head_end, blocks_end, true); !written) return written;
  } else if (auto written = write_part(begin, whole_end, false); !written) {
    return written;
  }
  if (all && direct)
    if (auto written = write_part(blocks_end, end, false); !written) return written;
  std::memmove(slice_.memory.get(), slice_.memory.get() + blocks_end, end - blocks_end);
  slice_.size_bytes = end - blocks_end;
  return Done{};
}

Result<> TopicSegmentWriter::write_part(std::size_t begin, std::size_t end, bool direct) {
  if (begin >= end) return Done{};
  const Bytes part = slice_.bytes().subspan(begin, end - begin);
  auto written = direct ? file_->write_direct(written_bytes_, std::span(&part, 1)) : file_->write(written_bytes_, part);
  written_bytes_ += part.size();
  unsynced_bytes_ += part.size();
  return written;
}

Result<> TopicSegmentWriter::open_active() {
  if (file_) return Done{};
  const std::string path = directory_ + "/" + segment_file_name(active_->base, active_->generation);
  auto file = written_bytes_ == 0 ? make_file(path) : open_file(path);
  if (!file) return file.error();
  file_ = std::move(*file);
  return Done{};
}

}  // namespace tandem::storage
