#include "broker/storage/apart_buffers.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "broker/base/check.h"

namespace tandem::storage {

ApartBuffers::ApartBuffers(BodyCache& cache)
    : cache_(cache),
      pool_(std::make_shared<JournalBufferPool>(buffer_size_bytes)),
      next_(body_handle(BodyPlace::apart, 0).value),
      kept_(next_) {}

BodyHandle ApartBuffers::stage(Bytes batch, std::uint64_t likely_position) {
  const auto gap = [&](const std::byte* at) {
    return (likely_position - reinterpret_cast<std::uintptr_t>(at)) % direct_block_bytes;
  };
  if (buffer_ && buffer_->holds(next_, 0)) next_ += gap(buffer_->at(next_));
  if (!buffer_ || !buffer_->holds(next_, batch.size())) {
    if (buffer_) buffer_->close_at(std::min(next_, buffer_->end()));
    const std::size_t room = std::max(batch.size() + direct_block_bytes, buffer_size_bytes);
    buffer_ = std::make_shared<JournalBuffer>(next_, room, pool_);
    cache_.add(buffer_);
    next_ += gap(buffer_->at(next_));
  }
  const BodyHandle body{next_};
  std::memcpy(buffer_->at(next_), batch.data(), batch.size());
  next_ += batch.size();
  return body;
}

/// What lies in buffers before the open one is left to the cache.
void ApartBuffers::unstage() {
  if (buffer_) next_ = std::max(kept_, buffer_->position());
}

std::span<std::byte> ApartBuffers::editable(BodyHandle body, std::uint32_t size_bytes) {
  const auto buffer = cache_.buffer_of(body, size_bytes);
  CHECK(buffer != nullptr);  // a handle is good for the submits that follow its staging
  return {buffer->at(body.value), size_bytes};
}

}  // namespace tandem::storage
