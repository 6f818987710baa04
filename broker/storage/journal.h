// The journal: the commit point. The loop stages bodies and writes turns into the open buffer; the journal
// thread writes and syncs what was gathered, as one commit group, while the next one gathers.
//
//   loop            stage → write → stage → write → flush ──┐                 ┌─ persisted(last turn)
//   journal thread                                          └ checksums, pwritev, fdatasync ┘
//
// A group is one or more frames (journal_frame.h): a frame ends where its buffer or segment ends, and at
// flush. A turn's records are in one frame; bodies may lie in frames before it. A failed write or sync is
// final: failed() is called once, and nothing is written or confirmed after it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "broker/core/record.h"
#include "broker/storage/body_cache.h"
#include "broker/storage/journal_buffer.h"
#include "broker/storage/journal_reader.h"
#include "broker/storage/journal_stretch.h"
#include "broker/storage/journal_writer.h"
#include "broker/storage/segment.h"
#include "broker/base/worker.h"

namespace tandem::storage {

struct JournalOptions {
  std::uint64_t size_max_bytes = 0;  // live segments; 0 = limits.h. Reached: behind() until recycle_below()
  std::uint64_t group_size_max_bytes = 0;  // 0 = limits.h. Reached while the disk works: behind()
  /// How long the sync before may have taken for the loop to wait for the next one itself (flush()); 0: never.
  std::chrono::microseconds quick_sync_max{0};
  std::uint64_t buffer_size_bytes = 0;     // 0 = JournalBufferPool's. A frame ends with its buffer
  std::uint32_t salt = 0;                  // of segments that are begun: random
};

/// Called on the loop's thread.
class JournalEvents {
 public:
  virtual ~JournalEvents() = default;
  /// Every turn up to this one is on disk.
  virtual void persisted(TurnNumber turn) = 0;
  virtual void failed(const Error& error) = 0;
  /// These are on disk at their places in their segments; before the turns that named them are persisted.
  virtual void home_written(std::vector<HomeWrite> /*homes*/) {}
  /// There is no room for a group: it waits for Journal::retry(), and everything behind it too.
  virtual void stalled(const Error& error) = 0;
};

/// What the journal works with; all of it outlives the journal.
struct JournalParts {
  FileSystem& files;
  JournalSegments& segments;
  BodyCache& cache;
  Worker& writer;      // the journal thread
  Worker& background;  // pre-writes spare segments
  Worker& large;       // copies and writes large bodies, makes buffers ready
  std::function<void(std::function<void()>)> post;
  JournalEvents& events;
};

/// Thread rule: the loop's thread, except where said. Destroy it only after drain(), or after its workers are
/// idle.
class Journal {
 public:
  /// Goes on behind `end` (read_journal) in a new epoch, which is on disk when this returns. In an empty
  /// directory the first segment is small (1 MiB at most), so that starting does not wait for 64 MiB of
  /// zeros.
  static Result<std::unique_ptr<Journal>> open(const JournalOptions& options, const JournalParts& parts,
                                               const JournalEnd& end);
  ~Journal();

  /// Appends the parts, joined, as one body. At most 4 GiB − 1; larger than a segment is fine.
  BodyHandle stage(std::initializer_list<Bytes> parts);
  /// Writes a large body ahead of the turn that will name it, in a stretch of its own; then calls `body.staged`, whose turn is
  /// written before it returns. One at a time.
  void begin_stretch(LargeBody body);
  /// One is on its way. A cut() would have it begun anew behind itself.
  bool has_stretch() const { return large_.has_value(); }
  /// It found no room on the disk, and waits for retry().
  bool stretch_is_stalled() const { return stretch_ && stretch_->stalled; }
  /// Forgets what was staged since the last write(); its handles mean nothing any more.
  void unstage();
  /// The body's bytes, to be changed in place (a batch's base offset). Empty once it was handed to the
  /// journal thread: then stage a changed copy.
  std::span<std::byte> editable(BodyHandle body, std::uint32_t size_bytes);
  /// Encodes the durable records as turn `turn` (> every turn before; 0: none is durable), and keeps what was
  /// staged.
  void write(std::span<const core::Record> records, TurnNumber turn);
  /// Goes home with the group that is gathered, before its frames: to be given before the turn whose record names the place.
  void take_home(HomeWrite home);
  /// CommitGroup::apart_through of that group.
  void note_apart(Lsn through) { gathering_.apart_through = through; }
  /// Hands what was gathered to the journal thread if that is idle and something durable waits; else it goes
  /// by itself as soon as the thread is free. Without anything durable only whole buffers go, and are not
  /// synced. A group of one block on a disk that was quick just now is written and synced before this returns: two
  /// threads that wake each other take as long as such a disk (docs/decisions/0009).
  void flush();
  /// The same, but leaves such a small group for the flush() that ends the loop's turn.
  void flush_ahead();
  /// Writes once more what found no room, a group or a stretch; does nothing when none waits.
  void retry();
  bool is_stalled() const { return !stalled_.empty(); }
  /// Stop reading publishers: the disk is a whole group behind, the journal is full, or it has failed.
  bool behind() const;

  /// Writes and syncs everything, waiting for it; calls persisted(). For close().
  /// A stretch that is still written is given up.
  Result<> drain();

  /// For a checkpoint: ends the open frame and has everything written and synced, durable or not. All turns
  /// written so far are below the returned position, all later ones behind it. The checkpoint must not be
  /// begun before groups() has reached gathered_groups() of now: what goes home with the last group is no part of the
  /// position.
  JournalPosition cut();
  /// A checkpoint from cut() `position` is committed: segments below it are spares now. Bodies below it must
  /// not be asked for any more (a read that has begun still ends well).
  void recycle_below(Lsn position);

  std::uint32_t epoch() const { return epoch_; }
  /// Whether cut() would give a later place than this: the end may have gone on into a segment in which there is nothing yet.
  bool would_cut_behind(Lsn position) const { return chain_end_ > position || (frame_open_ && frame_size_bytes_ > frame_header_size_bytes); }
  /// Behind everything that is staged or written.
  Lsn end() const { return position_now(); }
  /// Everything below is on disk, but for a stretch that is still written. Any thread.
  Lsn durable_through() const { return durable_through_.load(std::memory_order_acquire); }
  /// Everything below can be read from segment files (but a crash may take it back), but for such a stretch. Any thread.
  Lsn written_through() const { return written_through_.load(std::memory_order_acquire); }
  /// From the oldest live segment to the end.
  std::uint64_t live_bytes() const { return end() - oldest_; }
  /// Commit groups that are on disk since open and taken in by the loop: persisted() and home_written() were called.
  std::uint64_t groups() const { return groups_; }
  /// What groups() will be once all that was given so far is on disk.
  std::uint64_t gathered_groups() const { return groups_ + in_flight_ + (gathers() ? 1 : 0); }

 private:
  Journal(const JournalOptions& options, const JournalParts& parts, const JournalEnd& end);
  static Result<> write_tail_again(const Segment& segment, const JournalEnd& end);
  Result<> begin_first_segment();
  Result<> begin_epoch();

  Lsn position_now() const { return frame_open_ ? frame_.position + frame_size_bytes_ : next_; }
  std::byte* reserve(std::size_t size_bytes);
  void open_frame(std::size_t size_bytes);
  void open_buffer(std::uint64_t size_bytes);
  void enter_next_segment(std::uint64_t frame_size_bytes);
  void seal_frame(bool even_empty);
  void place_stretch();
  void give_up_stretch();
  void write_piece(std::shared_ptr<JournalStretch> stretch);
  void end_stretch(const std::shared_ptr<JournalStretch>& stretch);
  void fail(const Error& error);
  void write_turn(std::span<const core::Record> records, TurnNumber turn);
  bool is_quick() const;
  bool gathers() const { return frame_open_ || gathering_.sync || !gathering_.frames.empty() || !gathering_.homes.empty(); }
  bool is_full() const { return gathering_size_bytes_ + (frame_open_ ? frame_size_bytes_ : 0) >= group_size_max_bytes_; }
  bool may_hand_over() const;
  void flush_gathered();
  void hand_over(bool here);
  void write_group(std::shared_ptr<CommitGroup> group, bool here);
  void collect();
  void want_spare();
  void note_oldest();
  void drop_useless_spares();

  const JournalParts parts_;
  const std::uint64_t size_max_bytes_;
  const std::uint64_t group_size_max_bytes_;
  const std::chrono::microseconds quick_sync_max_;
  const std::uint32_t salt_;
  const std::uint64_t buffer_size_bytes_;
  const std::uint32_t epoch_;

  // Where bytes go. All frames below next_ are sealed; the chain's end differs from it only after a segment
  // switch.
  SegmentId segment_;
  Lsn next_;
  Lsn chain_end_;
  Lsn oldest_, oldest_end_ = 0;  // of the oldest live segment: where it begins and ends
  std::shared_ptr<JournalBufferPool> pool_;
  std::shared_ptr<JournalBuffer> buffer_;

  // The open frame.
  bool frame_open_ = false;
  GroupFrame frame_;
  std::size_t frame_size_bytes_ = 0;  // header and items so far
  std::size_t kept_size_bytes_ = 0;   // up to the last write(): what unstage() goes back to
  Lsn unkept_from_ = 0;               // first body since the last write(); 0 = none
  Lsn pinned_from_ = 0;               // unkept_from_ at the last cut: a later turn may still take that body

  CommitGroup gathering_;  // sealed frames that wait for the journal thread
  std::uint64_t gathering_size_bytes_ = 0;
  Lsn gathering_from_ = 0;  // handed over below this: not editable any more
  std::uint64_t handed_segment_ = 0;  // number of the segment of the last group
  std::atomic<std::int64_t> last_sync_us_;
  std::optional<LargeBody> large_;
  std::shared_ptr<JournalBuffer> large_buffer_;  // its place in the journal; none: it gets one with the next group
  std::shared_ptr<JournalStretch> stretch_;      // once the frame before it is written
  SegmentId large_segment_;
  bool is_behind_stretch_ = false;  // the next buffer
  std::size_t in_flight_ = 0;  // groups handed over and not collected, stalled ones too
  std::vector<std::shared_ptr<CommitGroup>> stalled_;  // found no room on the disk, or came behind such a one; in their order
  bool failed_ = false;
  TurnNumber last_turn_ = 0;
  std::uint64_t groups_ = 0;
  std::atomic<Lsn> durable_through_;
  std::atomic<Lsn> written_through_;

  JournalWriter writer_;  // used by the journal thread, by that of large bodies, and before they start
  std::mutex finished_mutex_;
  std::vector<GroupResult> finished_;  // by the journal thread, for collect()
  std::shared_ptr<Journal*> alive_;    // posted tasks look here first
};

}  // namespace tandem::storage
