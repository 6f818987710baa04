#include "broker/storage/body_cache.h"

#include <algorithm>
#include <utility>

#include "broker/base/check.h"
#include "broker/storage/journal_frame.h"

namespace tandem::storage {
namespace {

/// Share of the budget for windows that were read back.
constexpr std::uint64_t windows_share = 4;

std::string place_of(BodyHandle body, std::uint32_t size_bytes) {
  return "message at journal position " + std::to_string(body.value) + " (" + std::to_string(size_bytes) +
         " bytes)";
}

/// The body's bytes in the window, if they are all there and are what was written.
std::optional<Bytes> take(const JournalWindow& window, BodyHandle body, std::uint32_t size_bytes) {
  const Lsn item = body.value - body_numbers_size_bytes;
  if (item < window.position) return std::nullopt;
  const std::uint64_t offset = item - window.position;
  const std::uint64_t size = body_numbers_size_bytes + std::uint64_t{size_bytes};
  if (offset > window.bytes.size_bytes || size > window.bytes.size_bytes - offset) return std::nullopt;
  const Bytes bytes = window.bytes.bytes().subspan(offset, size);
  if (!body_is_whole(bytes)) return std::nullopt;
  return bytes.subspan(body_numbers_size_bytes);
}

/// Where a window for this body starts: windows do not overlap more than a large body makes them.
Lsn window_start(const Segment& segment, BodyHandle body) {
  const Lsn item = body.value - body_numbers_size_bytes;
  const std::uint64_t offset = item - segment.id.first;
  return segment.id.first + offset / journal_window_size_bytes * journal_window_size_bytes;
}

std::size_t window_size(const Segment& segment, Lsn start, BodyHandle body, std::uint32_t size_bytes,
                        std::uint64_t size_min_bytes) {
  const std::uint64_t needed = body.value + size_bytes - start;
  return std::min(std::max(round_up_to_block(needed), size_min_bytes), segment.id.end() - start);
}

Result<std::shared_ptr<const Segment>> segment_of(const JournalSegments& segments, BodyHandle body,
                                                  std::uint32_t size_bytes) {
  auto segment = segments.find(body.value);
  const bool inside = segment && body.value >= segment->id.frames_start() + body_numbers_size_bytes &&
                      segment->id.end() - body.value >= size_bytes;
  if (!inside)
    return Error{ErrorCode::not_found, place_of(body, size_bytes) + " is not in the journal (any more)"};
  return segment;
}

enum class Through { disk, page_cache };

/// Fills `memory`, which has room for `size`, as far as the file goes.
Result<JournalWindow> read_window(const Segment& segment, Lsn start, std::size_t size, AlignedMemory memory,
                                  Through through = Through::disk) {
  const std::span<std::byte> into(memory.get(), size);
  auto count = through == Through::disk ? segment.file->read_direct(start - segment.id.first, into)
                                        : segment.file->read_some(start - segment.id.first, into);
  if (!count) return count.error();
  return JournalWindow{start, {std::move(memory), *count}};
}

Error damaged(const JournalSegments& segments, BodyHandle body, std::uint32_t size_bytes) {
  const auto segment = segments.find(body.value);
  const std::string file = segment ? segment->file->path() : segments.directory();
  return {ErrorCode::corrupt,
          file + ": " + place_of(body, size_bytes) + " is damaged: its checksum or size is wrong"};
}

}  // namespace

// --- reading on another thread
// --------------------------------------------------------------------------------------

std::optional<Bytes> JournalBodyReader::in_resident(BodyHandle body, std::uint32_t size_bytes) const {
  const auto after = std::upper_bound(resident_.begin(), resident_.end(), body.value,
                                      [](Lsn at, const ResidentPart& part) { return at < part.position; });
  if (after == resident_.begin()) return std::nullopt;
  const ResidentPart& part = *std::prev(after);
  if (body.value > part.end || size_bytes > part.end - body.value) return std::nullopt;
  return Bytes{part.buffer->at(body.value), size_bytes};
}

Result<Bytes> JournalBodyReader::read(BodyHandle body, std::uint32_t size_bytes) {
  if (auto bytes = in_resident(body, size_bytes)) return *bytes;
  if (auto bytes = take(window_, body, size_bytes)) return *bytes;
  auto segment = segment_of(segments_, body, size_bytes);
  if (!segment) return segment.error();
  // From the body on: the caller goes forward.
  const Lsn start = (body.value - body_numbers_size_bytes) / journal_block_bytes * journal_block_bytes;
  const std::size_t size = window_size(**segment, start, body, size_bytes,
                                       walks_repeatedly_ ? journal_block_bytes : journal_walk_window_size_bytes);
  if (walks_repeatedly_) expect_through(start + size);
  AlignedMemory memory = std::move(window_.bytes.memory);  // new pages cost more than what is read into them
  window_ = {};
  if (capacity_bytes_ < size) {
    memory = make_aligned(size);
    capacity_bytes_ = size;
  }
  auto window = read_window(**segment, start, size, std::move(memory),
                            walks_repeatedly_ ? Through::page_cache : Through::disk);
  if (!window) {
    capacity_bytes_ = 0;
    return window.error();
  }
  window_ = std::move(*window);
  if (auto bytes = take(window_, body, size_bytes)) return *bytes;
  return damaged(segments_, body, size_bytes);
}

/// Calls visit(file, position, size) for what is still there.
template <class Visit>
void JournalBodyReader::for_each_part(Lsn first, Lsn end, Visit visit) const {
  while (first < end) {
    const auto segment = segments_.find(first);
    if (!segment) return;
    const Lsn part_end = std::min<Lsn>(end, segment->id.end());
    visit(*segment->file, first - segment->id.first, part_end - first);
    first = part_end;
  }
}

void JournalBodyReader::begin_repeated_walks(Lsn first) {
  walks_repeatedly_ = true;
  walked_from_ = expected_through_ = first / journal_block_bytes * journal_block_bytes;
}

/// Ahead of what is read, so that the disk and the copying go on side by side. In small steps: Linux takes no more of one hint
/// than it would read ahead by itself.
void JournalBodyReader::expect_through(Lsn end) {
  while (expected_through_ < end + journal_walk_window_size_bytes) {
    const Lsn next = expected_through_ + journal_window_size_bytes;
    for_each_part(expected_through_, next, [](File& file, std::uint64_t position, std::uint64_t size) {
      file.expect_reads(position, size);
    });
    expected_through_ = next;
  }
}

void JournalBodyReader::end_repeated_walks() {
  for_each_part(walked_from_, expected_through_, [](File& file, std::uint64_t position, std::uint64_t size) {
    file.forget_reads(position, size);
  });
  walks_repeatedly_ = false;
}

// --- the loop's cache
// -----------------------------------------------------------------------------------------------

BodyCache::BodyCache(const JournalSegments& segments, Worker& reader, Post post, std::uint64_t size_max_bytes)
    : segments_(segments),
      reader_(reader),
      post_(std::move(post)),
      size_max_bytes_(size_max_bytes),
      alive_(std::make_shared<BodyCache*>(this)) {}

BodyCache::~BodyCache() {
  *alive_ = nullptr;
}

StoredBytes BodyCache::resident(BodyHandle body, std::uint32_t size_bytes) {
  if (const auto* buffer = find_buffer(body.value, size_bytes))
    return {{(*buffer)->at(body.value), size_bytes}, *buffer};
  return in_windows(body, size_bytes);
}

const std::shared_ptr<JournalBuffer>* BodyCache::find_buffer(Lsn position, std::size_t size) {
  const auto& buffers = row_of(position).buffers;
  if (buffers.empty()) return nullptr;
  if (buffers.back()->holds(position, size)) return &buffers.back();
  if (last_hit_ && last_hit_->holds(position, size)) return &last_hit_;
  auto after = std::upper_bound(buffers.begin(), buffers.end(), position,
                                [](Lsn at, const auto& buffer) { return at < buffer->position(); });
  if (after == buffers.begin() || !(*std::prev(after))->holds(position, size)) return nullptr;
  last_hit_ = *std::prev(after);
  return &last_hit_;
}

std::shared_ptr<JournalBuffer> BodyCache::buffer_of(BodyHandle body, std::uint32_t size_bytes) {
  const auto* buffer = find_buffer(body.value, size_bytes);
  return buffer != nullptr ? *buffer : nullptr;
}

std::vector<ResidentPart> BodyCache::resident_between(Lsn first, Lsn end) const {
  std::vector<ResidentPart> parts;
  for (const auto& buffer : journal_.buffers)
    if (buffer->end() > first && buffer->position() < end)
      parts.push_back({buffer->position(), std::min(buffer->end(), end), buffer});
  return parts;
}

StoredBytes BodyCache::in_windows(BodyHandle body, std::uint32_t size_bytes) const {
  auto after = windows_.upper_bound(body.value);
  if (after == windows_.begin()) return {};
  const Window& window = std::prev(after)->second;
  const auto bytes = take(*window, body, size_bytes);
  return bytes ? StoredBytes{*bytes, window} : StoredBytes{};
}

/// One that begins where the last one does takes its place: nothing was kept in that one, and it was too small.
void BodyCache::add(std::shared_ptr<JournalBuffer> buffer) {
  Row& row = row_of(buffer->position());
  if (!row.buffers.empty() && row.buffers.back()->position() == buffer->position()) {
    CHECK(row.buffers.back()->end() == buffer->position());
    if (last_hit_ == row.buffers.back()) last_hit_.reset();
    row.size_bytes -= row.buffers.back()->capacity_bytes();
    row.buffers.pop_back();
  }
  CHECK(row.buffers.empty() || row.buffers.back()->position() < buffer->position());
  row.size_bytes += buffer->capacity_bytes();
  row.buffers.push_back(std::move(buffer));
  drop_oldest_buffers();
}

void BodyCache::set_written_through(Lsn position) {
  row_of(position).written_through = position;
  drop_oldest_buffers();
}

/// Of the row that has more.
void BodyCache::drop_oldest_buffers() {
  while (size_bytes() > size_max_bytes_ && (journal_.may_drop_oldest() || apart_.may_drop_oldest())) {
    const bool apart = apart_.may_drop_oldest() && (!journal_.may_drop_oldest() || apart_.size_bytes > journal_.size_bytes);
    Row& row = apart ? apart_ : journal_;
    row.size_bytes -= row.buffers.front()->capacity_bytes();
    if (last_hit_ == row.buffers.front()) last_hit_.reset();
    row.buffers.pop_front();
  }
}

void BodyCache::read(BodyHandle body, std::uint32_t size_bytes, ReadDone done) {
  if (auto found = resident(body, size_bytes); found.owner) return done(std::move(found));
  if (body_place(body) == BodyPlace::apart)
    return done(Error{ErrorCode::not_found, "a batch that was staged apart is home, and not in memory any more"});
  auto segment = segment_of(segments_, body, size_bytes);
  if (!segment) return done(segment.error());
  read_from(std::move(*segment), body, size_bytes, std::move(done));
}

void BodyCache::read_from(std::shared_ptr<const Segment> segment, BodyHandle body, std::uint32_t size_bytes,
                          ReadDone done) {
  const Lsn start = window_start(*segment, body);
  // Not further than what is written: behind that, a recycled segment has messages of before, each with a right
  // checksum; one of them would be given for a newer one of the same place and size.
  const Lsn readable_end = std::max(journal_.written_through, round_up_to_block(body.value + size_bytes));
  const std::size_t size = std::min<std::uint64_t>(
      window_size(*segment, start, body, size_bytes, journal_window_size_bytes), readable_end - start);

  JournalWindow window{start, {make_aligned(size), size}};
  auto cached = segment->file->try_read_cached(start - segment->id.first, {window.bytes.memory.get(), size});
  if (cached.ok() && *cached) {
    auto shared = std::make_shared<const JournalWindow>(std::move(window));
    add_window(shared);
    return answer(shared, {body, size_bytes, std::move(done), segment});
  }
  const auto [reading, is_new] = reading_.try_emplace(start, Reading{size, {}, false});
  reading->second.waiting.push_back({body, size_bytes, std::move(done), segment});
  if (is_new) fetch(segment, start, size);
}

void BodyCache::stretch_written(Lsn first, Lsn end) {
  for (auto& [position, window] : windows_)
    if (position < end && position + window->bytes.size_bytes > first) forget(window);
  for (auto& [position, reading] : reading_) reading.is_outdated |= position < end && position + reading.size_bytes > first;
}

/// Its place among the others stays.
void BodyCache::forget(Window& window) {
  windows_size_bytes_ -= window->bytes.size_bytes;
  window = std::make_shared<const JournalWindow>(JournalWindow{window->position, {}});
}

void BodyCache::fetch(std::shared_ptr<const Segment> segment, Lsn start, std::size_t size) {
  reader_.run([this, segment, start, size, alive = alive_] {
    auto result = std::make_shared<Result<JournalWindow>>(read_window(*segment, start, size, make_aligned(size)));
    post_([alive, start, result] {
      if (BodyCache* cache = *alive) cache->window_arrived(start, std::move(*result));
    });
  });
}

void BodyCache::window_arrived(Lsn start, Result<JournalWindow> arrived) {
  auto extracted = reading_.extract(start);
  CHECK(!extracted.empty());
  Reading& reading = extracted.mapped();
  if (!arrived) {
    for (Waiting& one : reading.waiting) one.done(arrived.error());
    return;
  }
  const auto window = std::make_shared<const JournalWindow>(std::move(*arrived));
  if (!reading.is_outdated) add_window(window);
  for (Waiting& one : reading.waiting) {
    // It joined a read that was under way and is too short for it, or too old. Its segment may be no part of the journal any more.
    const bool reaches_behind = one.body.value + one.size_bytes > start + reading.size_bytes;
    if (reaches_behind || reading.is_outdated)
      read_from(std::move(one.segment), one.body, one.size_bytes, std::move(one.done));
    else
      answer(window, one);
  }
}

void BodyCache::answer(const Window& window, const Waiting& wanted) const {
  if (const auto bytes = take(*window, wanted.body, wanted.size_bytes))
    return wanted.done(StoredBytes{*bytes, window});
  wanted.done(damaged(segments_, wanted.body, wanted.size_bytes));
}

void BodyCache::add_window(Window window) {
  const Lsn position = window->position;
  if (const auto old = windows_.find(position); old != windows_.end())
    windows_size_bytes_ -= old->second->bytes.size_bytes;
  else
    window_ages_.push_back(position);
  windows_size_bytes_ += window->bytes.size_bytes;
  windows_[position] = std::move(window);
  while (windows_size_bytes_ > size_max_bytes_ / windows_share && window_ages_.size() > 1) {
    const auto oldest = windows_.find(window_ages_.front());
    windows_size_bytes_ -= oldest->second->bytes.size_bytes;
    windows_.erase(oldest);
    window_ages_.pop_front();
  }
  drop_oldest_buffers();
}

}  // namespace tandem::storage
