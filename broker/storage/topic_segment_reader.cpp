#include "broker/storage/topic_segment_reader.h"

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "schemas/batch.h"

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

namespace {

constexpr std::size_t search_window_size_bytes = 256u << 10;

/// Memory of windows, kept for the next one: new pages cost as much as the copy into them. Any thread.
class WindowMemory {
 public:
  static std::shared_ptr<std::byte[]> take(std::size_t size_bytes) {
    const std::size_t size = (size_bytes + step_bytes - 1) / step_bytes * step_bytes;
    const auto pool = instance();
    std::byte* memory = pool->take_spare(size);
    if (memory == nullptr) memory = new std::byte[size];
    return {memory, [pool, size](std::byte* returned) { pool->give_back(returned, size); }};
  }
  ~WindowMemory() {
    for (const auto& [memory, size] : spare_) delete[] memory;
  }

 private:
  static constexpr std::size_t step_bytes = 256u << 10;
  static constexpr std::size_t spare_max = 4;
  static constexpr std::size_t spare_size_max_bytes = 2u << 20;  // of each

  static std::shared_ptr<WindowMemory> instance() {
    static const auto pool = std::make_shared<WindowMemory>();
    return pool;
  }
  std::byte* take_spare(std::size_t size) {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(spare_.begin(), spare_.end(), [size](const auto& spare) { return spare.second == size; });
    if (found == spare_.end()) return nullptr;
    std::byte* memory = found->first;
    spare_.erase(found);
    return memory;
  }
  void give_back(std::byte* memory, std::size_t size) {
    {
      const std::lock_guard lock(mutex_);
      if (size <= spare_size_max_bytes && spare_.size() < spare_max) {
        spare_.emplace_back(memory, size);
        return;
      }
    }
    delete[] memory;
  }

  std::mutex mutex_;
  std::vector<std::pair<std::byte*, std::size_t>> spare_;
};

/// A buffer that is not filled with zeros first: it is read into at once.
struct Buffer {
  std::shared_ptr<std::byte[]> memory;
  std::size_t size = 0;
  Bytes bytes() const { return {memory.get(), size}; }
};

/// Walks over the batches of a stretch, reading window by window.
class BatchWalk {
 public:
  BatchWalk(File& file, const TopicStretch& stretch, ReadFrom from)
      : file_(file), next_(stretch.position), end_(stretch.end_position), from_(from) {}

  bool at_end() const { return next_ >= end_; }
  std::uint64_t position() const { return next_; }
  const Buffer& window() const { return window_; }
  std::uint64_t window_position() const { return window_position_; }

  /// The header of the next batch; reads at least `window_size` bytes when it has to read. false: would have
  /// to wait.
  Result<bool> peek(BatchHeader& header, std::size_t window_size) {
    auto there = ensure(batch_header_size_bytes, window_size);
    if (!there || !*there) return there;
    const auto parsed = parse_batch_header(rest());
    if (!parsed) return damaged(parsed.error().text);
    header = *parsed;
    if (header.size_bytes > end_ - next_) return damaged("a batch goes beyond the end");
    return true;
  }
  /// The whole next batch.
  Result<bool> take(const BatchHeader& header, Bytes& batch) {
    auto there = ensure(header.size_bytes, header.size_bytes);
    if (!there || !*there) return there;
    batch = rest().first(header.size_bytes);
    return true;
  }
  void skip(const BatchHeader& header) { next_ += header.size_bytes; }
  /// Whether so much of the next batch is in the window.
  bool holds(std::size_t size) const { return rest().size() >= size; }

  Error damaged(const std::string& what) const {
    return {ErrorCode::corrupt, file_.path() + " at byte " + std::to_string(next_) + ": " + what};
  }

 private:
  Bytes rest() const {
    if (next_ < window_position_ || next_ - window_position_ >= window_.size) return {};
    return window_.bytes().subspan(next_ - window_position_);
  }

  Result<bool> ensure(std::size_t size, std::size_t window_size) {
    if (rest().size() >= size) return true;
    if (end_ - next_ < size) return damaged("truncated batch");
    const std::size_t wanted = std::min<std::uint64_t>(std::max(size, window_size), end_ - next_);
    Buffer fresh{WindowMemory::take(wanted), wanted};
    const std::span<std::byte> into(fresh.memory.get(), wanted);
    if (from_ == ReadFrom::memory) {
      auto cached = file_.try_read_cached(next_, into);
      if (!cached || !*cached) return cached;
    } else if (auto read = file_.read(next_, into); !read) {
      return read.error();
    }
    window_ = std::move(fresh);
    window_position_ = next_;
    return true;
  }

  File& file_;
  std::uint64_t next_;
  const std::uint64_t end_;
  const ReadFrom from_;
  Buffer window_;
  std::uint64_t window_position_ = 0;
};

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
    if (auto judged = judge_batch(batch); !judged) return walk.damaged(judged.error().text);
    if (size == 0) first = walk.position();
    size += header.size_bytes;
    walk.skip(header);
  }
  if (size == 0) return std::optional(StoredBytes{});
  const Buffer& window = walk.window();
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
      if (auto judged = judge_batch(batch); !judged) return walk.damaged(judged.error().text);
      if (const auto found = find_timestamp_in_batch(batch, at, start, end); found.offset >= 0) return found;
    }
    walk.skip(header);
  }
  return Store::TimestampFound{};
}

}  // namespace tandem::storage
