#include "broker/storage/journal_writer.h"

#include "broker/storage/journal_frame.h"

namespace tandem::storage {

GroupResult JournalWriter::write(CommitGroup& group) {
  GroupResult done;
  done.end = written_through_;
  if (failed_) {
    done.result = Error{ErrorCode::unavailable, "the journal failed before; nothing more is written"};
    return done;
  }
  if (stalled_ != nullptr && stalled_ != &group) {
    done.result = Error{ErrorCode::resource_alarm, "the disk is full for the group before"};
    done.may_retry = true;
    return done;
  }
  done.result = write_homes(group);
  if (done.result.ok()) done.result = sync_stretches(group);
  if (done.result.ok()) done.result = write_frames(group);
  // A write that found no room left nothing that a later one does not write over. A sync is never tried again.
  done.may_retry = !done.result.ok() && done.result.error().code == ErrorCode::resource_alarm;
  stalled_ = done.may_retry ? &group : nullptr;
  if (done.may_retry) return done;
  if (done.result.ok() && group.sync) done.result = sync();
  if (!done.result.ok()) failed_ = true;
  if (failed_ && done.result.ok()) done.result = Error{ErrorCode::unavailable, "the journal failed meanwhile"};
  if (failed_) return done;
  done.homes = std::move(group.homes);
  done.apart_through = group.apart_through;
  done.end = written_through_;
  for (const GroupFrame& frame : group.frames) done.last_turn = std::max(done.last_turn, frame.last_turn);
  return done;
}

Result<> JournalWriter::write_homes(const CommitGroup& group) {
  for (const HomeWrite& home : group.homes) {
    bool sync_failed = false;
    auto written = write_home(files_, home, sync_failed);
    if (sync_failed) return Error{ErrorCode::internal, written.error().text};  // never tried again
    if (!written) return written;
  }
  return Done{};
}

Result<> JournalWriter::sync_stretches(const CommitGroup& group) {
  for (const auto& segment : group.stretches)
    if (auto synced = segment->file->sync(); !synced) return Error{ErrorCode::internal, synced.error().text};  // never tried again
  return Done{};
}

Result<bool> JournalWriter::write_piece(JournalStretch& stretch) {
  if (failed_) return Error{ErrorCode::unavailable, "the journal failed before; nothing more is written"};
  auto more = stretch.write_piece();
  if (!more && more.error().code != ErrorCode::resource_alarm) failed_ = true;
  return more;
}

Result<> JournalWriter::write_frames(CommitGroup& group) {
  for (std::size_t first = 0; first < group.frames.size();) {
    if (auto entered = enter(group.frames[first].segment); !entered) return entered;
    const Lsn start = group.frames[first].position;
    Lsn end = start;
    pieces_.clear();
    // Frames of one segment lie one behind the other, but for those with a stretch between them.
    for (; first < group.frames.size() && group.frames[first].segment == segment_->id && group.frames[first].position == end;
         ++first) {
      pieces_.push_back(finish(group.frames[first]));
      end += pieces_.back().size();
    }
    dirty_ = true;
    if (auto written = segment_->file->write_direct(start - segment_->id.first, pieces_); !written) return written;
    written_through_ = end;
  }
  return Done{};
}

Bytes JournalWriter::finish(GroupFrame& frame) const {
  const FrameHeader header{.payload_size_bytes = frame.payload_size_bytes,
                           .epoch = epoch_,
                           .position = frame.position,
                           .previous_end = frame.previous_end,
                           .durable_through = durable_through_,
                           .first_turn = frame.first_turn,
                           .last_turn = frame.last_turn};
  std::byte* bytes = frame.buffer->at(frame.position);
  finish_frame({bytes, frame_header_size_bytes + frame.payload_size_bytes}, header, frame.segment.salt);
  return {bytes, header.size_bytes()};
}

Result<> JournalWriter::enter(const SegmentId& id) {
  if (segment_ && segment_->id == id) return Done{};
  if (auto synced = sync(); !synced) return Error{ErrorCode::internal, synced.error().text};
  segment_ = segments_.find_number(id.number);
  if (segment_ && segment_->id == id) return Done{};
  auto begun = segments_.begin(id);
  if (!begun) return begun.error();
  segment_ = std::move(*begun);
  return Done{};
}

Result<> JournalWriter::sync() {
  if (dirty_ && segment_)
    if (auto synced = segment_->file->sync(); !synced) return synced;
  dirty_ = false;
  durable_through_ = std::max(durable_through_, written_through_);
  return Done{};
}

}  // namespace tandem::storage
