#include "broker/storage/read_ahead.h"

#include <algorithm>
#include <cstring>

#include "broker/storage/segment.h"

namespace tandem::storage {

void ReadAhead::open(File& file) {
  wait();
  file_ = &file;
  now_.begin = now_.end = 0;
  now_.at_end_of_file = false;
}

Result<Bytes> ReadAhead::at(std::uint64_t offset, std::size_t size) {
  if (!holds(offset, size)) {
    auto joined = join_next(offset, size);
    if (!joined) return joined.error();
    if (!*joined)
      if (auto filled = fill(offset, size); !filled) return filled.error();
    start_next();
  }
  if (offset >= now_.end) return Bytes();
  const auto inside = static_cast<std::size_t>(offset - now_.begin);
  return Bytes(now_.memory.get() + now_.skip + inside,
               std::min(size, static_cast<std::size_t>(now_.end - offset)));
}

bool ReadAhead::holds(std::uint64_t offset, std::size_t size) const {
  return offset >= now_.begin && offset <= now_.end && (offset + size <= now_.end || now_.at_end_of_file);
}

/// Goes on with what was read ahead, if that is what is wanted; false: it is not.
Result<bool> ReadAhead::join_next(std::uint64_t offset, std::size_t size) {
  if (!reading_ || offset < now_.begin || offset > now_.end) return false;
  const auto rest = static_cast<std::size_t>(now_.end - offset);
  if (rest > step_bytes) return false;
  wait();
  if (!*next_read_) return next_read_->error();
  if (offset + size > next_.end && !next_.at_end_of_file) return false;
  next_.skip -= rest;
  next_.begin = offset;
  std::memcpy(next_.memory.get() + next_.skip, now_.memory.get() + now_.skip + (offset - now_.begin), rest);
  std::swap(now_, next_);
  return true;
}

Result<> ReadAhead::fill(std::uint64_t offset, std::size_t size) {
  wait();
  const std::uint64_t begin = offset / direct_block_bytes * direct_block_bytes;
  const std::size_t wanted = round_up_to_block(std::max<std::uint64_t>(offset - begin + size, step_bytes));
  return read(*file_, now_, begin, wanted, 0);
}

Result<> ReadAhead::read(File& file, Stretch& into, std::uint64_t begin, std::size_t size, std::size_t skip) {
  if (into.capacity_bytes < skip + size) {
    into.memory = make_aligned(skip + size);
    into.capacity_bytes = skip + size;
  }
  into.begin = into.end = begin;
  into.skip = skip;
  into.at_end_of_file = false;
  auto count = file.read_direct(begin, {into.memory.get() + skip, size});
  if (!count) return count.error();
  into.end = begin + *count;
  into.at_end_of_file = *count < size;
  return Done{};
}

void ReadAhead::start_next() {
  if (now_.at_end_of_file) return;
  reading_ = true;
  next_read_.reset();
  reader_.run([this, begin = now_.end] { next_read_ = read(*file_, next_, begin, step_bytes, step_bytes); });
}

void ReadAhead::wait() {
  if (reading_) reader_.wait_until_idle();
  reading_ = false;
}

}  // namespace tandem::storage
