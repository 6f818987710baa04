#include "broker/storage/topic_segment_reader.h"

#include <algorithm>

#include "schemas/batch_filter.h"

namespace tandem::storage {

Result<std::shared_ptr<File>> TopicFiles::open(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_path_.find(path); found != by_path_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
    return found->second->second;
  }
  auto file = files_.open(path, Access::read_only);
  if (!file) return file.error();
  recent_.emplace_front(path, std::move(*file));
  by_path_[path] = recent_.begin();
  if (recent_.size() > open_files_max) {
    by_path_.erase(recent_.back().first);
    recent_.pop_back();
  }
  return recent_.front().second;
}

void TopicFiles::forget(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return;
  recent_.erase(found->second);
  by_path_.erase(found);
}

void TopicFiles::forget_below(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  std::erase_if(recent_, [&](const Entry& entry) {
    const bool is_below = entry.first.starts_with(directory + "/");
    if (is_below) by_path_.erase(entry.first);
    return is_below;
  });
}

namespace {

constexpr std::size_t search_window_size_bytes = 256u << 10;

}  // namespace

Result<std::optional<StoredBytes>> read_batches(File& file, const TopicStretch& stretch, Offset offset,
                                                Offset visible_end, std::uint32_t size_max_bytes,
                                                ReadFrom from) {
  const std::optional<StoredBytes> would_wait;
  const std::size_t window_size = size_max_bytes + topic_index_interval_bytes;
  BatchWalk walk(file, stretch, from);
  std::uint64_t first = 0;
  std::size_t size = 0;
  while (!walk.at_end()) {
    BatchHeader header;
    if (size > 0 && !walk.holds(batch_header_size_bytes)) break;  // what was taken must lie in one piece
    const auto peeked = walk.peek(header, window_size);
    if (!peeked) return peeked.error();
    if (!*peeked) return would_wait;
    if (header.last_offset() < offset) {
      walk.skip(header);
      continue;
    }
    if (header.base_offset >= visible_end) break;
    if (size > 0 && (size + header.size_bytes > size_max_bytes || !walk.holds(header.size_bytes))) break;
    Bytes batch;
    const auto taken = walk.take(header, batch);
    if (!taken) return taken.error();
    if (!*taken) return would_wait;
    if (auto judged = judge_stored_batch(batch); !judged) return walk.damaged(judged.error().text);
    if (size == 0) first = walk.position();
    size += header.size_bytes;
    walk.skip(header);
  }
  if (size == 0) return std::optional(StoredBytes{});
  const BatchWalk::Window& window = walk.window();
  return std::optional(
      StoredBytes{window.bytes().subspan(first - walk.window_position(), size), window.memory});
}

Store::TimestampFound find_timestamp_in_batch(Bytes batch, TimestampMs at, Offset start, Offset end) {
  Store::TimestampFound found;
  const auto header = parse_batch_header(batch);
  if (!header || header->max_timestamp < at || header->last_offset() < start || header->base_offset >= end)
    return found;
  const auto walked = for_each_record(batch, [&](const RecordView& record) {
    if (record.timestamp < at || record.offset < start) return true;
    if (record.offset < end) found = {record.offset, record.timestamp};
    return false;
  });
  if (!walked.ok()) found = {std::max(header->base_offset, start), header->max_timestamp};
  return found;
}

Result<Store::TimestampFound> find_timestamp_in(File& file, const TopicStretch& stretch, TimestampMs at,
                                                Offset start, Offset end) {
  BatchWalk walk(file, stretch, ReadFrom::disk);
  while (!walk.at_end()) {
    BatchHeader header;
    if (auto peeked = walk.peek(header, search_window_size_bytes); !peeked) return peeked.error();
    if (header.base_offset >= end) break;
    if (header.max_timestamp >= at && header.last_offset() >= start) {
      Bytes batch;
      if (auto taken = walk.take(header, batch); !taken) return taken.error();
      if (auto judged = judge_stored_batch(batch); !judged) return walk.damaged(judged.error().text);
      if (const auto found = find_timestamp_in_batch(batch, at, start, end); found.offset >= 0) return found;
    }
    walk.skip(header);
  }
  return Store::TimestampFound{};
}

}  // namespace tandem::storage
