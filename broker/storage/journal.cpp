#include "broker/storage/journal.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "broker/base/check.h"
#include "broker/base/limits.h"
#include "broker/storage/journal_frame.h"
#include "broker/storage/record_codec.h"

namespace tandem::storage {
namespace {

/// The first segment of an empty directory: pre-written while the broker starts.
constexpr std::uint64_t first_segment_size_max_bytes = 1u << 20;
/// Of the buffer behind a stretch. Where one large message follows the other, little comes between: most of a usual one's fresh memory would
/// be cleared by the system and never used.
constexpr std::uint64_t between_stretches_bytes = 128u << 10;
/// One that is written and one that waits for that. Each may have group_size_max_bytes and what a turn adds to it.
constexpr std::size_t in_flight_max = 2;

std::uint64_t or_default(std::uint64_t value, std::uint64_t standard) {
  return value != 0 ? value : standard;
}

std::uint64_t frame_size(std::uint64_t items_size_bytes) {
  return round_up_to_block(frame_header_size_bytes + items_size_bytes);
}

}  // namespace

// --- opening
// --------------------------------------------------------------------------------------------------------

Journal::Journal(const JournalOptions& options, const JournalParts& parts, const JournalEnd& end)
    : parts_(parts),
      size_max_bytes_(or_default(options.size_max_bytes, limits::journal_size_max_bytes)),
      group_size_max_bytes_(or_default(options.group_size_max_bytes, limits::group_size_max_bytes)),
      quick_sync_max_(options.quick_sync_max),
      salt_(options.salt),
      buffer_size_bytes_(or_default(options.buffer_size_bytes, JournalBufferPool::usual_size_bytes)),
      epoch_(end.epoch + 1),
      next_(end.position),
      chain_end_(end.position),
      oldest_(end.position),
      pool_(std::make_shared<JournalBufferPool>()),
      last_sync_us_(std::numeric_limits<std::int64_t>::max()),
      last_turn_(end.last_turn),
      durable_through_(end.position),
      written_through_(end.position),
      writer_(parts.files, parts.segments, epoch_, end.position),
      alive_(std::make_shared<Journal*>(this)) {}

Journal::~Journal() {
  *alive_ = nullptr;
}

Result<std::unique_ptr<Journal>> Journal::open(const JournalOptions& options, const JournalParts& parts,
                                               const JournalEnd& end) {
  std::unique_ptr<Journal> journal(new Journal(options, parts, end));
  const auto newest = parts.segments.find_number(end.segment);
  if (newest) {
    parts.segments.retire_after(end.segment);
    journal->segment_ = newest->id;
    journal->next_ = std::max(end.position, newest->id.frames_start());
    journal->note_oldest();
    if (auto written = write_tail_again(*newest, end); !written) return written.error();
  } else if (auto begun = journal->begin_first_segment(); !begun) {
    return begun.error();
  }
  if (auto begun = journal->begin_epoch(); !begun) return begun.error();
  // First, so that what each of many crashes left half made does not add up to a full disk.
  journal->drop_useless_spares();
  journal->want_spare();
  return journal;
}

/// A killed process may have left frames that were read back just now but are not on the disk yet. A sync alone does not
/// bring them there if one before it has failed: the system takes what that one lost for written. So they are written
/// again. They are the last group at most, and in one segment: a segment is synced before the next one is entered.
Result<> Journal::write_tail_again(const Segment& segment, const JournalEnd& end) {
  Lsn at = std::max(end.durable_through, segment.id.frames_start());
  if (at == segment.id.frames_start()) {  // then nothing says that its header is
    const auto header = encode_segment_header(segment.id);
    if (auto written = segment.file->write(0, Bytes(header)); !written) return written;
  }
  constexpr std::uint64_t piece_max_bytes = JournalBufferPool::usual_size_bytes;
  const AlignedMemory memory = make_aligned(piece_max_bytes);
  for (std::uint64_t size = 0; at < end.position; at += size) {
    size = std::min(end.position - at, piece_max_bytes);
    const std::span<std::byte> piece{memory.get(), size};
    const auto count = segment.file->read_some(at - segment.id.first, piece);
    if (!count) return count.error();
    std::fill(piece.begin() + static_cast<std::ptrdiff_t>(*count), piece.end(), std::byte{0});  // padding, cut off
    const Bytes pieces[] = {piece};
    if (auto written = segment.file->write_direct(at - segment.id.first, pieces); !written) return written;
  }
  return segment.file->sync();
}

Result<> Journal::begin_first_segment() {
  CHECK(next_ == journal_start);
  segment_ = {1, 0, std::min(parts_.segments.segment_size_bytes(), first_segment_size_max_bytes), salt_};
  auto segment = parts_.segments.begin(segment_);
  if (!segment) return segment.error();
  note_oldest();
  return (*segment)->file->prewrite(journal_start, segment_.size_bytes - journal_start);
}

/// A frame without items: from here on, frames of older epochs that a crash left behind this place are
/// recognised.
Result<> Journal::begin_epoch() {
  open_frame(0);
  seal_frame(true);
  gathering_.sync = true;
  GroupResult done = writer_.write(gathering_);
  gathering_ = {};
  gathering_size_bytes_ = 0;
  gathering_from_ = next_;
  durable_through_ = written_through_ = done.end;
  parts_.cache.set_written_through(done.end);
  return done.result;
}

// --- gathering
// ------------------------------------------------------------------------------------------------------

BodyHandle Journal::stage(std::initializer_list<Bytes> parts) {
  std::size_t size = 0;
  for (const Bytes part : parts) size += part.size();
  CHECK(size <= std::numeric_limits<std::uint32_t>::max() - 2 * journal_block_bytes);
  std::byte* out =
      put_body_header(reserve(body_item_header_size_bytes + size), static_cast<std::uint32_t>(size));
  const BodyHandle body{frame_.position + frame_size_bytes_ + body_item_header_size_bytes};
  for (const Bytes part : parts) {
    if (!part.empty()) std::memcpy(out, part.data(), part.size());
    out += part.size();
  }
  frame_size_bytes_ += body_item_header_size_bytes + size;
  if (unkept_from_ == 0) unkept_from_ = body.value;
  return body;
}

void Journal::unstage() {
  unkept_from_ = 0;
  if (frame_open_) frame_size_bytes_ = kept_size_bytes_;
}

std::span<std::byte> Journal::editable(BodyHandle body, std::uint32_t size_bytes) {
  if (body.value < gathering_from_) return {};
  const auto inside = [&](const std::shared_ptr<JournalBuffer>& buffer) {
    return buffer && buffer->holds(body.value, size_bytes);
  };
  if (inside(buffer_)) return {buffer_->at(body.value), size_bytes};
  for (const GroupFrame& frame : gathering_.frames)
    if (inside(frame.buffer)) return {frame.buffer->at(body.value), size_bytes};
  return {};
}

void Journal::write(std::span<const core::Record> records, TurnNumber turn) {
  if (turn != 0) write_turn(records, turn);
  kept_size_bytes_ = frame_size_bytes_;
  unkept_from_ = 0;
}

void Journal::write_turn(std::span<const core::Record> records, TurnNumber turn) {
  CHECK(turn > last_turn_);
  std::size_t size_max = turn_item_header_size_max_bytes;
  for (const core::Record& record : records)
    if (core::is_durable(record)) size_max += encoded_size_max_bytes(record);
  std::byte* const item = reserve(size_max);
  if (frame_.first_turn == 0) frame_.first_turn = turn;
  std::byte* out = put_turn(item, turn - frame_.first_turn);
  for (const core::Record& record : records)
    if (core::is_durable(record)) out = encode_record(record, out);
  finish_turn(item, out);
  frame_size_bytes_ += static_cast<std::size_t>(out - item);
  frame_.last_turn = last_turn_ = turn;
}

void Journal::take_home(HomeWrite home) {
  gathering_size_bytes_ += home.size_bytes();
  for (auto known = gathering_.homes.rbegin(); known != gathering_.homes.rend(); ++known)
    if (known->is_continued_by(home)) return known->take(std::move(home));
  gathering_.homes.push_back(std::move(home));
}

/// Room for `size_bytes` at the end of the open frame; opens one when there is none or it is full.
std::byte* Journal::reserve(std::size_t size_bytes) {
  if (frame_open_ && !buffer_->holds(frame_.position + frame_size_bytes_, size_bytes)) seal_frame(false);
  if (!frame_open_) open_frame(size_bytes);
  return buffer_->at(frame_.position + frame_size_bytes_);
}

void Journal::open_frame(std::size_t size_bytes) {
  const std::uint64_t needed = frame_size(size_bytes);
  if (!buffer_ || !buffer_->holds(next_, needed)) open_buffer(needed);
  frame_ = {.buffer = buffer_, .segment = segment_, .position = next_, .previous_end = chain_end_};
  frame_open_ = true;
  frame_size_bytes_ = kept_size_bytes_ = frame_header_size_bytes;
}

void Journal::open_buffer(std::uint64_t frame_size_bytes) {
  if (buffer_) buffer_->close_at(next_);
  if (segment_.end() - next_ < frame_size_bytes) enter_next_segment(frame_size_bytes);
  const std::uint64_t usual = std::exchange(is_behind_stretch_, false) ? std::min(buffer_size_bytes_, between_stretches_bytes)
                                                                        : buffer_size_bytes_;
  const std::uint64_t wanted = std::max(frame_size_bytes, usual);
  const bool is_first = buffer_ == nullptr;
  buffer_ = std::make_shared<JournalBuffer>(next_, std::min(wanted, segment_.end() - next_), pool_);
  parts_.cache.add(buffer_);
  // Who filled one will fill the next. Not in the background: a checkpoint may keep that for seconds.
  if (!is_first && wanted == pool_->buffer_size_bytes() && pool_->is_empty()) parts_.large.run([pool = pool_] { pool->make_ready(); });
}

/// A frame that is larger than a segment gets a segment of its own size.
void Journal::enter_next_segment(std::uint64_t frame_size_bytes) {
  const std::uint64_t size =
      std::max(parts_.segments.segment_size_bytes(), journal_block_bytes + frame_size_bytes);
  segment_ = {segment_.number + 1, segment_.end(), size, salt_};
  next_ = segment_.frames_start();
  want_spare();
}

/// Ends the open frame. One without items is dropped, unless `even_empty`.
void Journal::seal_frame(bool even_empty) {
  if (!frame_open_) return;
  frame_open_ = false;
  if (frame_size_bytes_ == frame_header_size_bytes && !even_empty) return;
  const std::uint64_t padded = round_up_to_block(frame_size_bytes_);
  std::memset(buffer_->at(frame_.position + frame_size_bytes_), 0, padded - frame_size_bytes_);
  frame_.payload_size_bytes = static_cast<std::uint32_t>(frame_size_bytes_ - frame_header_size_bytes);
  gathering_.sync = gathering_.sync || frame_.last_turn != 0;
  gathering_size_bytes_ += padded;
  next_ = chain_end_ = frame_.position + padded;
  gathering_.frames.push_back(std::move(frame_));
}

// --- large bodies
// -----------------------------------------------------------------------------------------------------

void Journal::begin_stretch(LargeBody body) {
  CHECK(!large_);
  large_ = std::move(body);
}

/// Behind what was gathered so far, and behind a frame that says how long it is.
void Journal::place_stretch() {
  const std::uint64_t size = JournalStretch::size_for(large_->size_bytes());
  seal_frame(false);
  if (buffer_) buffer_->close_at(next_);
  buffer_.reset();
  if (segment_.end() - next_ < journal_block_bytes + size) enter_next_segment(journal_block_bytes + size);
  put_stretch(reserve(stretch_item_size_bytes), size);
  frame_size_bytes_ += stretch_item_size_bytes;
  seal_frame(false);
  buffer_->close_at(next_);
  buffer_.reset();
  large_segment_ = segment_;
  large_buffer_ = std::make_shared<JournalBuffer>(next_, size, pool_);
  parts_.cache.add(large_buffer_);
  next_ = chain_end_ = next_ + size;
  is_behind_stretch_ = true;
}

/// By a thread of its own, and a piece at a time: commit groups wait neither for it nor, long, for the disk.
void Journal::write_piece(std::shared_ptr<JournalStretch> stretch) {
  parts_.large.run([this, stretch = std::move(stretch), alive = alive_]() mutable {
    if (stretch->given_up) return;
    auto more = writer_.write_piece(*stretch);
    if (more && *more) return write_piece(std::move(stretch));
    stretch->result = more ? Result<>() : more.error();
    parts_.post([stretch = std::move(stretch), alive = std::move(alive)] {
      if (Journal* journal = *alive) journal->end_stretch(stretch);
    });
  });
}

/// Its place at least: where the body still waits, it gets another one.
void Journal::give_up_stretch() {
  if (stretch_) stretch_->given_up = true;
  stretch_.reset();
  large_buffer_.reset();
}

void Journal::end_stretch(const std::shared_ptr<JournalStretch>& stretch) {
  if (failed_) return;
  const bool found_no_room = !stretch->result.ok() && stretch->result.error().code == ErrorCode::resource_alarm;
  if (!stretch->result.ok() && !found_no_room) return fail(stretch->result.error());
  if (stretch != stretch_) return;  // a cut was faster
  if (found_no_room) {
    stretch->stalled = true;
    return parts_.events.stalled(stretch->result.error());
  }
  parts_.cache.stretch_written(large_buffer_->position(), large_buffer_->end());
  gathering_.stretches.push_back(stretch->segment());
  large_->staged(stretch->body());
  large_.reset();
  give_up_stretch();
}

// --- handing over
// -----------------------------------------------------------------------------------------------------

/// One group at a time: what comes meanwhile is the next one, so that groups grow under load. A full one waits at the
/// journal's thread instead, which then has something to do while the loop comes round.
bool Journal::may_hand_over() const {
  if (failed_ || !stalled_.empty()) return false;
  return in_flight_ == 0 || (in_flight_ < in_flight_max && is_full());
}

void Journal::flush() {
  if (large_ && !large_buffer_ && !failed_) place_stretch();
  flush_gathered();
}

void Journal::flush_gathered() {
  if (!may_hand_over()) return;
  const bool here = is_quick();
  const bool durable_waits = gathering_.sync || (frame_open_ && frame_.last_turn != 0);
  if (durable_waits) seal_frame(false);
  if (!gathering_.frames.empty() || gathering_.sync) hand_over(here);
}

void Journal::flush_ahead() {
  if (!is_quick()) flush();
}

/// One block, in the segment that is open anyway, and nothing before it waits.
bool Journal::is_quick() const {
  return in_flight_ == 0 && frame_open_ && frame_.last_turn != 0 && frame_size_bytes_ <= journal_block_bytes &&
         gathering_.frames.empty() && gathering_.homes.empty() && gathering_.stretches.empty() && frame_.segment.number == handed_segment_ &&
         last_sync_us_.load(std::memory_order_relaxed) < quick_sync_max_.count();
}

void Journal::hand_over(bool here) {
  ++in_flight_;
  gathering_from_ = chain_end_;
  gathering_size_bytes_ = 0;
  if (!gathering_.frames.empty()) handed_segment_ = gathering_.frames.back().segment.number;
  write_group(std::make_shared<CommitGroup>(std::exchange(gathering_, {})), here);
}

/// `here`: on this thread; the journal's has nothing to do, and is given nothing before this is done.
void Journal::write_group(std::shared_ptr<CommitGroup> group, bool here) {
  auto task = [this, group = std::move(group), alive = alive_] {
    const auto begun = std::chrono::steady_clock::now();
    GroupResult done = writer_.write(*group);
    const auto taken = std::chrono::steady_clock::now() - begun;
    last_sync_us_ = std::chrono::duration_cast<std::chrono::microseconds>(taken).count();
    if (done.may_retry)
      done.group = group;
    else
      group->frames.clear();
    // Told at once to those who may look from any thread; the loop hears it by collect().
    if (done.result.ok()) {
      written_through_.store(done.end, std::memory_order_release);
      durable_through_.store(writer_.durable_through(), std::memory_order_release);
    }
    {
      const std::lock_guard lock(finished_mutex_);
      finished_.push_back(std::move(done));
    }
    parts_.post([alive] {
      if (Journal* journal = *alive) journal->collect();
    });
  };
  if (here) return task();
  parts_.writer.run(std::move(task));
}

/// Takes in what the journal thread has finished, and gives it the next group.
void Journal::collect() {
  std::vector<GroupResult> finished;
  {
    const std::lock_guard lock(finished_mutex_);
    finished.swap(finished_);
  }
  for (GroupResult& done : finished) {
    if (done.may_retry && !failed_) {
      stalled_.push_back(done.group);
      if (stalled_.size() == 1) parts_.events.stalled(done.result.error());
      continue;
    }
    --in_flight_;
    if (failed_) continue;
    if (!done.result.ok()) {
      fail(done.result.error());
      continue;
    }
    groups_ += 1;
    parts_.cache.set_written_through(done.end);
    if (!done.homes.empty()) parts_.events.home_written(std::move(done.homes));
    if (done.apart_through != 0) parts_.cache.set_written_through(done.apart_through);
    if (done.last_turn != 0) parts_.events.persisted(done.last_turn);
  }
  if (large_buffer_ && !stretch_ && !failed_ && written_through() >= large_buffer_->position()) {
    stretch_ = std::make_shared<JournalStretch>(parts_.segments.find_number(large_segment_.number), large_buffer_, *large_);
    write_piece(stretch_);
  }
  if (!finished.empty()) flush_ahead();
}

void Journal::fail(const Error& error) {
  failed_ = true;
  parts_.events.failed(error);
}

void Journal::retry() {
  for (auto& group : std::exchange(stalled_, {})) write_group(std::move(group), false);
  if (stretch_ && std::exchange(stretch_->stalled, false)) write_piece(stretch_);
}

Result<> Journal::drain() {
  give_up_stretch();
  parts_.large.wait_until_idle();
  large_.reset();
  seal_frame(false);
  gathering_.sync = true;
  retry();
  while (!failed_ && stalled_.empty() && (in_flight_ > 0 || gathering_.sync)) {
    flush();
    parts_.writer.wait_until_idle();
    collect();
  }
  if (!stalled_.empty()) return Error{ErrorCode::resource_alarm, "the disk is full: the journal's last group cannot be written"};
  if (failed_) return Error{ErrorCode::unavailable, "the journal has failed"};
  return Done{};
}

/// The last segment with frames cannot be recycled, however large it is: a checkpoint makes room where there are others. (One of an earlier
/// life with a larger journal, full to its last byte, would be waited for by everybody for ever.)
bool Journal::behind() const {
  const bool waits_for_checkpoint = live_bytes() >= size_max_bytes_ && chain_end_ > oldest_end_;
  return failed_ || !stalled_.empty() || (is_full() && !may_hand_over()) || waits_for_checkpoint;
}

// --- checkpoints
// --------------------------------------------------------------------------------------------------------

JournalPosition Journal::cut() {
  pinned_from_ = unkept_from_;
  give_up_stretch();
  seal_frame(false);
  gathering_.sync = true;
  flush_gathered();
  return {chain_end_, epoch_};
}

void Journal::recycle_below(Lsn position) {
  if (pinned_from_ != 0) position = std::min(position, pinned_from_);
  parts_.segments.retire_below(position);
  note_oldest();
  drop_useless_spares();
}

void Journal::note_oldest() {
  const SegmentId oldest = parts_.segments.live().front()->id;
  oldest_ = oldest.first;
  oldest_end_ = oldest.end();
}

void Journal::drop_useless_spares() {
  parts_.background.run([&segments = parts_.segments] {
    // Best effort: what could not be removed is offered again at the next start.
    (void)segments.remove_useless_spares();
  });
}

void Journal::want_spare() {
  if (!parts_.segments.wants_spare()) return;
  parts_.background.run([&segments = parts_.segments] {
    // Without a spare the next segment grows as it is written: slower, not wrong. A full disk is told
    // elsewhere.
    if (segments.wants_spare()) (void)segments.make_spare();
  });
}

}  // namespace tandem::storage
