// Bytes waiting to be written to one connection. Small pieces are copied together so that one writev carries many
// frames; large bodies are referenced where they lie, with their owner kept alive until written.
// Written blocks are used again by any outbox of the thread, so that an idle connection holds none.
// Thread rule: the loop's thread only.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "schemas/message.h"

namespace tandem::wire {

/// Owner of bytes that are referenced, not copied.
using Owner = std::shared_ptr<const void>;

/// Memory for small pieces; not cleared before it is filled.
struct OutboxBlock {
  std::unique_ptr<std::byte[]> bytes;
  std::size_t capacity = 0, size = 0;
};

class Outbox {
 public:
  /// From here on a body is referenced instead of copied: below it, the copy costs less than another iovec.
  static constexpr std::size_t reference_min_bytes = 4096;

  /// Room for `size` bytes at the end, to be filled at once. Valid until the next call.
  std::byte* extend(std::size_t size);
  void write(Bytes bytes);
  /// Copies or references, whichever costs less.
  void write_owned(Bytes bytes, const Owner& owner);

  /// Copies all that is referenced, so that it keeps nobody's memory but its own: a body of some KiB keeps the journal's
  /// buffer around it. Gives the number of bytes copied.
  std::size_t own();

  std::size_t size_bytes() const { return size_bytes_; }
  /// What stays in memory for it: of the first piece, also what is written already.
  std::size_t held_bytes() const { return size_bytes_ + front_offset_; }
  bool empty() const { return size_bytes_ == 0; }

  /// Fills `pieces`, from empty, with the first ones to write, at most `count_max`; valid until consume() or a write.
  void gather(std::vector<Bytes>& pieces, std::size_t count_max) const;
  /// `size` bytes from the front were written.
  void consume(std::size_t size);

 private:
  static constexpr std::size_t block_size_bytes = 64 * 1024;
  struct Piece {
    OutboxBlock copied;  // used when owner is empty
    Owner owner;
    Bytes referenced;
    Bytes bytes() const { return owner ? referenced : Bytes(copied.bytes.get(), copied.size); }
  };
  std::deque<Piece> pieces_;
  std::size_t front_offset_ = 0;
  std::size_t size_bytes_ = 0;
  std::size_t referenced_count_ = 0;  // pieces with an owner
};

}  // namespace tandem::wire
