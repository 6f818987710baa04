#include "broker/storage/journal_reader.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "broker/storage/read_ahead.h"

namespace tandem::storage {
namespace {

struct Frame {
  FrameHeader header;
  Bytes payload;
};

/// The frame at `offset` of the file if it is there whole; `limit` is the offset where its segment ends, `salt` the segment's.
Result<std::optional<Frame>> whole_frame_at(ReadAhead& file, std::uint64_t offset, std::uint64_t limit,
                                            std::uint32_t salt) {
  auto start = file.at(offset, frame_header_size_bytes);
  if (!start) return start.error();
  const auto header = peek_frame(*start);
  if (!header || header->size_bytes() > limit - offset) return std::optional<Frame>();
  auto bytes = file.at(offset, frame_header_size_bytes + header->payload_size_bytes);
  if (!bytes) return bytes.error();
  const bool complete = bytes->size() == frame_header_size_bytes + header->payload_size_bytes;
  if (!complete || !frame_is_whole(*bytes, salt)) return std::optional<Frame>();
  return std::optional<Frame>({*header, bytes->subspan(frame_header_size_bytes)});
}

class Scan {
 public:
  Scan(const JournalSegments& segments, JournalPosition from, const FrameVisitor& visitor, Worker& reader)
      : segments_(segments), visitor_(visitor), ahead_(reader) {
    end_.position = std::max(from.position, journal_start);
    end_.durable_through = from.position;
    end_.epoch = newest_in_chain_ = from.epoch;
  }

  Result<JournalEnd> run() {
    if (auto found = find_start(); !found) return found.error();
    if (segment_ == nullptr) return end_;
    while (true) {
      auto advanced = advance();
      if (!advanced) return advanced.error();
      if (!*advanced) break;
    }
    if (auto judged = judge_rest(); !judged) return judged.error();
    end_.segment = segment_->id.number;
    return end_;
  }

 private:
  Result<> find_start() {
    const auto live = segments_.live();
    auto segment = segments_.find(end_.position);
    // A checkpoint at the very end of a segment, and nothing was written since.
    if (!segment && !live.empty() && live.back()->id.end() == end_.position) segment = live.back();
    if (!segment && (!live.empty() || end_.position != journal_start))
      return Error{ErrorCode::corrupt, segments_.directory() + ": the journal segment with position " +
                                           std::to_string(end_.position) +
                                           " is missing or its header is damaged" + suspects(1)};
    // Before the first checkpoint nobody else knows that there is a journal.
    if (!segment)
      for (const auto& [number, path] : segments_.suspicious(1))
        if (auto judged = judge_suspicious(path, number == 1 ? std::optional<Lsn>(0) : std::nullopt); !judged) return judged;
    enter(std::move(segment));
    return Done{};
  }

  void enter(std::shared_ptr<const Segment> segment) {
    if (segment) ahead_.open(*segment->file);
    segment_ = std::move(segment);
  }

  /// Takes the frame that continues the chain, here or at the start of the next segment; false when there is
  /// none.
  Result<bool> advance() {
    auto here = take(std::max(end_.position, segment_->id.frames_start()));
    if (!here || *here) return here;
    auto next = segments_.find_number(segment_->id.number + 1);
    if (!next) return false;
    const auto previous = segment_;
    enter(next);
    auto there = take(segment_->id.frames_start());
    if (there.ok() && !*there) enter(previous);
    return there;
  }

  Result<bool> take(Lsn position) {
    const SegmentId& id = segment_->id;
    if (position >= id.end()) return false;
    auto frame = whole_frame_at(ahead_, position - id.first, id.size_bytes, id.salt);
    if (!frame) return frame.error();
    if (!*frame) return false;
    const FrameHeader header = (*frame)->header;
    const bool continues = header.position == position && header.previous_end == end_.position &&
                           header.epoch >= newest_in_chain_;
    if (!continues) return false;
    if (auto visited = visit(**frame); !visited) return visited.error();
    newest_in_chain_ = header.epoch;
    end_.epoch = std::max(end_.epoch, header.epoch);
    end_.last_turn = std::max(end_.last_turn, header.last_turn);
    end_.durable_through = std::max(end_.durable_through, header.durable_through);
    end_.size_bytes += header.size_bytes();
    end_.position = header.end() + stretch_size_bytes_;
    end_.frames += 1;
    return true;
  }

  Result<> visit(const Frame& frame) {
    FrameVisitor counting{visitor_.record, visitor_.body, nullptr};
    stretch_size_bytes_ = 0;
    counting.stretch = [this](Lsn position, std::uint64_t size_bytes) -> Result<> {
      if (size_bytes > segment_->id.end() - position)
        return Error{ErrorCode::corrupt, "a stretch of " + std::to_string(size_bytes) + " bytes does not fit in the segment"};
      stretch_size_bytes_ = size_bytes;
      return visitor_.stretch ? visitor_.stretch(position, size_bytes) : Result<>();
    };
    counting.record = [this](const core::Record& record, TurnNumber turn) {
      end_.records += 1;
      return visitor_.record(record, turn);
    };
    auto visited = visit_frame(frame.header, frame.payload, counting);
    if (!visited) return Error{visited.error().code, segment_->file->path() + ": " + visited.error().text};
    return Done{};
  }

  /// Behind the chain's end: leftovers, or frames that prove damage before them.
  Result<> judge_rest() {
    const SegmentId id = segment_->id;
    const Lsn rest = std::max(end_.position, id.frames_start());
    if (auto judged = judge_segment(*segment_, rest - id.first); !judged) return judged;
    for (const auto& segment : segments_.live())
      if (segment->id.number > id.number)
        if (auto judged = judge_segment(*segment, journal_block_bytes); !judged) return judged;
    for (const auto& [number, path] : segments_.suspicious(id.number + 1))
      if (auto judged = judge_suspicious(path, number == id.number + 1 ? std::optional(id.end()) : std::nullopt); !judged)
        return judged;
    return Done{};
  }

  Result<> judge_segment(const Segment& segment, std::uint64_t offset) {
    return judge_file(*segment.file, offset, segment.id.first, segment.id.salt);
  }

  /// A whole header of another number says where its frames belong: it was being recycled, or somebody gave it the wrong name. Without one
  /// `first` is the position of its byte 0, where that is known, and its salt is lost: what looks like a frame is taken for one, so that nothing
  /// is missed.
  Result<> judge_suspicious(const std::string& path, std::optional<Lsn> first) {
    auto file = segments_.open_read_only(path);
    if (!file) return file.error();
    std::array<std::byte, journal_block_bytes> block{};
    if (auto read = (*file)->read_some(0, block); !read) return read.error();
    const auto id = decode_segment_header(block);
    auto judged = id.ok() ? judge_file(**file, journal_block_bytes, id->first, id->salt)
                          : judge_file(**file, journal_block_bytes, first, std::nullopt);
    ahead_.close();
    return judged;
  }

  Result<> judge_file(File& file, std::uint64_t offset, std::optional<Lsn> first, std::optional<std::uint32_t> salt) {
    ahead_.open(file);
    auto size = file.size();
    if (!size) return size.error();
    while (offset < *size) {
      auto start = ahead_.at(offset, frame_header_size_bytes);
      if (!start) return start.error();
      const auto header = peek_frame(*start);
      // A stale frame of a recycled segment has a position from before; the usual rest is zeros.
      const bool in_place = header && (!first || header->position == *first + offset);
      const bool later = in_place && header->position >= end_.position && header->epoch >= newest_in_chain_;
      std::uint64_t step = journal_block_bytes;
      if (later && salt) {
        auto frame = whole_frame_at(ahead_, offset, *size, *salt);
        if (!frame) return frame.error();
        if (auto judged = judge_leftover(file, *header, frame->has_value()); !judged) return judged;
        if (*frame) step = header->size_bytes();
      } else if (later) {
        if (auto judged = judge_leftover(file, *header, true); !judged) return judged;
      }
      offset += step;
    }
    return Done{};
  }

  Result<> judge_leftover(const File& file, const FrameHeader& header, bool whole) {
    if (whole && header.durable_through > end_.position) return damaged(file, header);
    if (whole) end_.epoch = std::max(end_.epoch, header.epoch);
    const Lsn leftover_end = whole ? header.end() : header.position + journal_block_bytes;
    end_.torn_tail_bytes = std::max(end_.torn_tail_bytes, leftover_end - end_.position);
    return Done{};
  }

  Error damaged(const File& file, const FrameHeader& later) const {
    if (!segment_)
      return {ErrorCode::corrupt, file.path() + ": the header of the journal's first segment is damaged: its frame at position " +
                                      std::to_string(later.position) + " says that one before it was on disk"};
    return {ErrorCode::corrupt, segment_->file->path() + ": damaged journal frame at byte " +
                                    std::to_string(end_.position - segment_->id.first) + " (position " +
                                    std::to_string(end_.position) +
                                    "): it was on disk before the frame at position " +
                                    std::to_string(later.position) + " in " + file.path() + " was written" +
                                    suspects(segment_->id.number + 1)};
  }

  std::string suspects(std::uint64_t number) const {
    std::string text;
    for (const auto& [suspect, path] : segments_.suspicious(number))
      text += "; the header of " + path + " is damaged or another segment's";
    return text;
  }

  const JournalSegments& segments_;
  const FrameVisitor& visitor_;
  JournalEnd end_;
  std::uint64_t stretch_size_bytes_ = 0;  // behind the frame that was visited last
  std::uint32_t newest_in_chain_ = 0;
  std::shared_ptr<const Segment> segment_;
  ReadAhead ahead_;  // in its file, and behind the chain's end in those that are judged
};

}  // namespace

Result<JournalEnd> read_journal(const JournalSegments& segments, JournalPosition from,
                                const FrameVisitor& visitor, Worker& reader) {
  return Scan(segments, from, visitor, reader).run();
}

}  // namespace tandem::storage
