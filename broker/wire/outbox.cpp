#include "broker/wire/outbox.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "broker/base/check.h"

namespace tandem::wire {
namespace {

using Block = OutboxBlock;

// Blocks kept for the next writes of any connection: 2 MiB, about what the busy ones fill in one turn of the
// loop.
constexpr std::size_t spare_blocks_max = 32;

std::vector<Block>& spare_blocks() {
  thread_local std::vector<Block> blocks;
  return blocks;
}

Block take_block(std::size_t capacity) {
  std::vector<Block>& spare = spare_blocks();
  Block block;
  if (!spare.empty() && spare.back().capacity >= capacity) {
    block = std::move(spare.back());
    spare.pop_back();
    return block;
  }
  block.bytes = std::make_unique_for_overwrite<std::byte[]>(capacity);
  block.capacity = capacity;
  return block;
}

void give_back(Block block, std::size_t standard_size) {
  std::vector<Block>& spare = spare_blocks();
  if (block.capacity != standard_size || spare.size() >= spare_blocks_max) return;
  block.size = 0;
  spare.push_back(std::move(block));
}

}  // namespace

std::byte* Outbox::extend(std::size_t size) {
  const bool has_room = !pieces_.empty() && !pieces_.back().owner &&
                        pieces_.back().copied.capacity - pieces_.back().copied.size >= size;
  if (!has_room) {
    Piece piece;
    piece.copied = take_block(std::max(size, block_size_bytes));
    pieces_.push_back(std::move(piece));
  }
  OutboxBlock& block = pieces_.back().copied;
  std::byte* const start = block.bytes.get() + block.size;
  block.size += size;
  size_bytes_ += size;
  return start;
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
  ++referenced_count_;
}

std::size_t Outbox::own() {
  std::size_t copied = 0;
  if (referenced_count_ == 0) return copied;
  for (Piece& piece : pieces_) {
    if (!piece.owner) continue;
    // What was written of the first one already stays behind.
    const Bytes rest = &piece == &pieces_.front() ? piece.referenced.subspan(std::exchange(front_offset_, 0)) : piece.referenced;
    const std::size_t size = rest.size();
    piece.copied = {std::make_unique_for_overwrite<std::byte[]>(size), size, size};
    std::memcpy(piece.copied.bytes.get(), rest.data(), size);
    piece.owner.reset();
    copied += size;
  }
  referenced_count_ = 0;
  return copied;
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
    if (front.owner)
      --referenced_count_;
    else
      give_back(std::move(front.copied), block_size_bytes);
    pieces_.pop_front();
  }
}

}  // namespace tandem::wire
