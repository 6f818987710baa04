// Message bodies in RAM, within a byte budget: the newest journal buffers, the newest buffers of large batches that were staged
// apart from it, and windows that were read back from journal segments. What is not on the disk yet is always here.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "broker/base/ids.h"
#include "broker/storage/aligned_memory.h"
#include "broker/storage/body_place.h"
#include "broker/storage/journal_buffer.h"
#include "broker/storage/segment.h"
#include "broker/storage/store.h"
#include "broker/base/worker.h"

namespace tandem::storage {

/// Bytes of a segment file, read at once: what follows a cold body is likely wanted next. Bodies in it are
/// checked when they are taken.
struct JournalWindow {
  Lsn position = 0;
  AlignedBytes bytes;
};
inline constexpr std::size_t journal_window_size_bytes = 128u << 10;
/// The same for who walks through many of them, from front to back.
inline constexpr std::size_t journal_walk_window_size_bytes = 1u << 20;

/// A part of the journal that is still in RAM, and stays there while this is held. Nobody changes it any more.
struct ResidentPart {
  Lsn position = 0, end = 0;
  std::shared_ptr<const JournalBuffer> buffer;
};

/// Reads journal bodies for one thread that walks through many (the checkpoint): from parts that are still in RAM, else
/// from segment files, where neighbours cost one read. Only what is written already (below Journal::written_through()).
class JournalBodyReader {
 public:
  /// `resident`: ascending.
  JournalBodyReader(const JournalSegments& segments, std::vector<ResidentPart> resident)
      : segments_(segments), resident_(std::move(resident)) {}
  /// Valid until the next call. Errors: corrupt (checksum, size), not_found (position is not in the journal
  /// any more).
  Result<Bytes> read(BodyHandle body, std::uint32_t size_bytes);
  /// What is read from now on is read from the files.
  void let_resident_go() { resident_.clear(); }
  /// From now on the journal from `first` on is walked through again and again, for some of its bodies each time. It is read
  /// once, into the page cache, and bodies from there one by one.
  void begin_repeated_walks(Lsn first);
  /// Gives the page cache back.
  void end_repeated_walks();

 private:
  std::optional<Bytes> in_resident(BodyHandle body, std::uint32_t size_bytes) const;
  void expect_through(Lsn end);
  template <class Visit>
  void for_each_part(Lsn first, Lsn end, Visit visit) const;

  const JournalSegments& segments_;
  std::vector<ResidentPart> resident_;
  JournalWindow window_;
  std::size_t capacity_bytes_ = 0;  // of its memory
  bool walks_repeatedly_ = false;
  Lsn walked_from_ = 0, expected_through_ = 0;  // then: what the page cache was asked to hold
};

/// Thread rule: the loop's thread.
class BodyCache {
 public:
  using Post = std::function<void(std::function<void()>)>;
  using ReadDone = std::function<void(Result<StoredBytes>)>;

  /// `reader` does what the system's page cache cannot answer; `post` brings its result back to the loop's
  /// thread. All references must outlive the cache, and `reader` must be idle when it goes.
  BodyCache(const JournalSegments& segments, Worker& reader, Post post, std::uint64_t size_max_bytes);
  ~BodyCache();

  /// Bytes of the body when in RAM; nullptr owner when not. They stay valid while the owner is held.
  StoredBytes resident(BodyHandle body, std::uint32_t size_bytes);
  /// The buffer that holds it; nullptr: none does.
  std::shared_ptr<JournalBuffer> buffer_of(BodyHandle body, std::uint32_t size_bytes);
  /// Resident or from disk, checked. `done` is called once, maybe before read() returns. Errors as
  /// JournalBodyReader; a body that was staged apart and is not resident is not_found.
  void read(BodyHandle body, std::uint32_t size_bytes, ReadDone done);

  std::uint64_t size_bytes() const { return journal_.size_bytes + apart_.size_bytes + windows_size_bytes_; }
  std::uint64_t size_max_bytes() const { return size_max_bytes_; }
  /// What is in RAM of the journal from `first` to `end`, where a cut has been (Journal::cut()).
  std::vector<ResidentPart> resident_between(Lsn first, Lsn end) const;

  // For the journal, and for large batches with their handles as positions: a new buffer (positions ascend), and that
  // everything below `position` is in its file now.
  void add(std::shared_ptr<JournalBuffer> buffer);
  void set_written_through(Lsn position);
  /// A stretch of the journal that was not written when all behind it was (journal_stretch.h) is written now: what was read of it before,
  /// or is being read, is what a recycled segment held.
  void stretch_written(Lsn first, Lsn end);

 private:
  using Window = std::shared_ptr<const JournalWindow>;
  struct Waiting {
    BodyHandle body;
    std::uint32_t size_bytes;
    ReadDone done;
    std::shared_ptr<const Segment> segment;  // held: it is not recycled before the read ends
  };

  /// Buffers that follow each other.
  struct Row {
    std::deque<std::shared_ptr<JournalBuffer>> buffers;  // ascending by position
    std::uint64_t size_bytes = 0;
    Lsn written_through = 0;
    bool may_drop_oldest() const { return buffers.size() > 1 && buffers.front()->end() <= written_through; }
  };

  Row& row_of(Lsn position) { return body_place({position}) == BodyPlace::apart ? apart_ : journal_; }
  const std::shared_ptr<JournalBuffer>* find_buffer(Lsn position, std::size_t size);
  StoredBytes in_windows(BodyHandle body, std::uint32_t size_bytes) const;
  void add_window(Window window);
  void forget(Window& window);
  void read_from(std::shared_ptr<const Segment> segment, BodyHandle body, std::uint32_t size_bytes, ReadDone done);
  void fetch(std::shared_ptr<const Segment> segment, Lsn start, std::size_t size);
  void window_arrived(Lsn start, Result<JournalWindow> read);
  void answer(const Window& window, const Waiting& wanted) const;
  void drop_oldest_buffers();

  const JournalSegments& segments_;
  Worker& reader_;
  const Post post_;
  const std::uint64_t size_max_bytes_;

  Row journal_, apart_;
  std::shared_ptr<JournalBuffer> last_hit_;

  std::map<Lsn, Window> windows_;  // by position
  std::deque<Lsn> window_ages_;    // oldest first
  std::uint64_t windows_size_bytes_ = 0;
  struct Reading {
    std::size_t size_bytes = 0;
    std::vector<Waiting> waiting;
    bool is_outdated = false;  // by stretch_written()
  };
  std::map<Lsn, Reading> reading_;  // reads under way, by window position
  std::shared_ptr<BodyCache*> alive_;            // posted results look here first
};

}  // namespace tandem::storage
