#include "broker/storage/topic_batch_walk.h"

#include "broker/storage/window_memory.h"

#include <algorithm>

namespace tandem::storage {

Result<bool> BatchWalk::peek(BatchHeader& header, std::size_t window_size) {
  auto there = ensure(batch_header_size_bytes, window_size);
  if (!there || !*there) return there;
  const auto parsed = parse_batch_header(rest());
  if (!parsed) return damaged(parsed.error().text);
  header = *parsed;
  if (header.size_bytes > end_ - next_) return damaged("a batch goes beyond the end");
  // The checksum is not of the offset, which the broker gives.
  if (header.base_offset <= last_offset_)
    return damaged("a batch begins at offset " + std::to_string(header.base_offset) + ", but the one before it ends at " +
                   std::to_string(last_offset_));
  return true;
}

Result<bool> BatchWalk::take(const BatchHeader& header, Bytes& batch) {
  auto there = ensure(header.size_bytes, header.size_bytes);
  if (!there || !*there) return there;
  batch = rest().first(header.size_bytes);
  return true;
}

Error BatchWalk::damaged(const std::string& what) const {
  return {ErrorCode::corrupt, file_.path() + " at byte " + std::to_string(next_) + ": " + what};
}

Result<bool> BatchWalk::ensure(std::size_t size, std::size_t window_size) {
  if (rest().size() >= size) return true;
  if (end_ - next_ < size) return damaged("truncated batch");
  const std::size_t wanted = std::min<std::uint64_t>(std::max(size, window_size), end_ - next_);
  Window fresh{WindowMemory::take(wanted), wanted};
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

}  // namespace tandem::storage
