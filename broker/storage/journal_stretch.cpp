#include "broker/storage/journal_stretch.h"

#include <algorithm>
#include <cstring>

#include "broker/storage/bytes_io.h"
#include "broker/storage/journal_frame.h"
#include "schemas/crc32c.h"

namespace tandem::storage {

std::uint64_t JournalStretch::size_for(std::size_t body_size_bytes) {
  return round_up_to_block(body_numbers_size_bytes + body_size_bytes);
}

JournalStretch::JournalStretch(std::shared_ptr<const Segment> segment, std::shared_ptr<JournalBuffer> buffer,
                               const LargeBody& body)
    : segment_(std::move(segment)),
      buffer_(std::move(buffer)),
      source_(body),
      size_bytes_(size_for(body.size_bytes())),
      written_(std::min(piece_size_bytes, size_bytes_)) {}

BodyHandle JournalStretch::body() const {
  return {buffer_->position() + body_numbers_size_bytes};
}

Result<bool> JournalStretch::write_piece() {
  const std::uint64_t front_end = std::min(piece_size_bytes, size_bytes_);
  copy_through(front_end);
  if (written_ < size_bytes_) {
    const std::uint64_t end = std::min(written_ + piece_size_bytes, size_bytes_);
    copy_through(end);
    if (auto done = write(written_, end); !done) return done.error();
    written_ = end;
    return true;
  }
  std::byte* const numbers = buffer_->at(buffer_->position());
  put_u32(numbers, checksum_);
  put_u32(numbers + 4, static_cast<std::uint32_t>(source_.size_bytes()));
  if (auto done = write(0, front_end); !done) return done.error();
  return false;
}

/// The body's bytes that lie before `end` of the stretch, and zeros behind the last one.
void JournalStretch::copy_through(std::uint64_t end) {
  std::byte* const start = buffer_->at(buffer_->position());
  const std::uint64_t body_end = body_numbers_size_bytes + source_.size_bytes();
  const auto copy = [&](Bytes from, std::uint64_t at) {  // the part of it that is not copied yet and lies before `end`
    const std::uint64_t first = std::max(copied_, at), last = std::min(end, at + from.size());
    if (first >= last) return;
    const Bytes part = from.subspan(first - at, last - first);
    std::memcpy(start + first, part.data(), part.size());
    checksum_ = crc32c(part, checksum_);
    copied_ = last;
  };
  if (copied_ == 0) copied_ = body_numbers_size_bytes;
  copy(source_.head, body_numbers_size_bytes);
  copy(source_.rest, body_numbers_size_bytes + source_.head.size());
  if (end > body_end && copied_ < end) {
    std::memset(start + body_end, 0, end - body_end);
    copied_ = end;
  }
}

Result<> JournalStretch::write(std::uint64_t first, std::uint64_t end) {
  const Lsn at = buffer_->position() + first;
  const Bytes pieces[] = {{buffer_->at(at), end - first}};
  return segment_->file->write_direct(at - segment_->id.first, pieces);
}

}  // namespace tandem::storage
