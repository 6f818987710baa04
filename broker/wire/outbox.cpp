#include "broker/wire/outbox.h"

#include <algorithm>
#include <cstring>

#include "broker/base/check.h"

namespace tandem::wire {
namespace {
// Written blocks that are kept for reuse: enough for a busy connection's next turn, little for 20,000 idle
// ones.
constexpr std::size_t spare_blocks_max = 2;
}  // namespace

std::byte* Outbox::extend(std::size_t size) {
  const bool has_room = !pieces_.empty() && !pieces_.back().owner &&
                        pieces_.back().copied.capacity() - pieces_.back().copied.size() >= size;
  if (!has_room) {
    Piece piece;
    if (!spare_.empty() && spare_.back().capacity() >= size) {
      piece.copied = std::move(spare_.back());
      spare_.pop_back();
    }
    piece.copied.reserve(std::max(size, block_size_bytes));
    pieces_.push_back(std::move(piece));
  }
  std::vector<std::byte>& block = pieces_.back().copied;
  const std::size_t start = block.size();
  block.resize(start + size);
  size_bytes_ += size;
  return block.data() + start;
}

void Outbox::write(Bytes bytes) {
  if (bytes.empty()) return;
  std::memcpy(extend(bytes.size()), bytes.data(), bytes.size());
}

void Outbox::write_owned(Bytes bytes, const Owner& owner) {
  if (!owner || bytes.size() < reference_min_bytes) return write(bytes);
  Piece piece;
  piece.owner = owner;
  piece.referenced = bytes;
  pieces_.push_back(std::move(piece));
  size_bytes_ += bytes.size();
}

void Outbox::gather(std::vector<Bytes>& pieces, std::size_t count_max) const {
  std::size_t offset = front_offset_;
  for (const Piece& piece : pieces_) {
    if (pieces.size() >= count_max) return;
    const Bytes rest = piece.bytes().subspan(offset);
    offset = 0;
    if (!rest.empty()) pieces.push_back(rest);
  }
}

void Outbox::consume(std::size_t size) {
  CHECK(size <= size_bytes_);
  size_bytes_ -= size;
  while (size > 0) {
    Piece& front = pieces_.front();
    const std::size_t rest = front.bytes().size() - front_offset_;
    if (size < rest) {
      front_offset_ += size;
      return;
    }
    size -= rest;
    front_offset_ = 0;
    if (!front.owner && front.copied.capacity() == block_size_bytes && spare_.size() < spare_blocks_max) {
      front.copied.clear();
      spare_.push_back(std::move(front.copied));
    }
    pieces_.pop_front();
  }
}

}  // namespace tandem::wire
