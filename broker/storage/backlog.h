// The backlog file: home of queue messages that outlived a checkpoint. Runs of one queue each, so that a
// queue that drains gives its disk space back whatever the others do.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/base/worker.h"
#include "broker/core/record.h"
#include "broker/storage/backlog_extents.h"
#include "broker/storage/backlog_run.h"
#include "broker/storage/backlog_runs.h"
#include "broker/storage/file.h"
#include "broker/storage/run_blocks.h"
#include "broker/storage/store.h"

namespace tandem::storage {

/// The file and its free space. Thread rule: the checkpoint's thread, except file() and taken_size_bytes().
class BacklogFile {
 public:
  /// `live`: the extents of all runs that the checkpoint knows. What is between them is given back to the
  /// disk. Errors: corrupt (they overlap, or the file ends before one does).
  static Result<std::unique_ptr<BacklogFile>> open(FileSystem& files, const std::string& directory,
                                                   std::vector<Extent> live, std::uint64_t removal_step_bytes);

  Extent take(std::uint64_t size_bytes);
  /// Only what no committed checkpoint refers to. It can be taken again, and its disk space is gone, after free_some().
  void retire(const std::vector<Extent>& extents);
  bool has_retired() const { return !retired_.empty(); }
  /// Frees some of what was retired: a little at a time, as files are removed (file_remover.h), and the more the more there is. After an
  /// error what it was about can be taken again, and keeps its disk space until the next start.
  Result<> free_some();
  /// From now on free_some() frees whole extents: the disk has nobody to be kept for. Any thread.
  void hurry() { hurries_ = true; }
  /// One of these goes past the page cache, from aligned memory, and not all at once: others write meanwhile.
  static bool is_long(std::uint64_t extent_size_bytes);
  /// A long extent, or others that lie one behind the other.
  Result<> write(std::uint64_t position, Bytes bytes, bool long_extent);
  /// Does nothing when nothing was written since the last one.
  Result<> sync();

  File& file() const { return *file_; }
  std::uint64_t taken_size_bytes() const { return taken_size_bytes_.load(std::memory_order_relaxed); }

 private:
  BacklogFile(std::unique_ptr<File> file, BacklogExtents extents, std::uint64_t removal_step_bytes);
  Result<> free(Extent extent);
  void note_size() { taken_size_bytes_.store(extents_.taken_size_bytes(), std::memory_order_relaxed); }

  std::unique_ptr<File> file_;
  BacklogExtents extents_;
  const std::uint64_t removal_step_bytes_;
  std::deque<Extent> retired_;  // of one call the last one first: the file's end is cut off
  std::uint64_t retired_size_bytes_ = 0;
  std::atomic<bool> hurries_ = false;
  bool dirty_ = false;
  std::atomic<std::uint64_t> taken_size_bytes_ = 0;
};

/// A stretch of the backlog file in RAM. Messages in it are checked when they are taken.
struct BacklogWindow {
  std::uint64_t position = 0;
  std::vector<std::byte> bytes;
};
/// What one cold message brings along: its neighbours are delivered next. Where so many queues are read at once that a window goes
/// before they are, it brings less, since all of a window is copied for the one.
inline constexpr std::size_t backlog_window_size_bytes = 64u << 10;
inline constexpr std::size_t backlog_window_size_min_bytes = 4u << 10;

/// Reads messages and runs back, keeping the newest windows in RAM within a byte budget. A window never goes
/// beyond its run: an extent may be used again, and what was there before must not be taken for what is there
/// now. Thread rule: the loop's.
class BacklogReader {
 public:
  using Post = std::function<void(std::function<void()>)>;
  using ReadDone = std::function<void(Result<StoredBytes>)>;
  using RunDone = std::function<void(Result<std::vector<core::QueueEntry>>)>;

  /// All references must outlive the reader, and `worker` must be idle when it goes.
  BacklogReader(File& file, Worker& worker, Post post, std::uint64_t size_max_bytes);

  /// The runs that may be read, as long as they may.
  void add_run(Extent extent) { runs_.add(extent); }
  void forget_run(Extent extent);

  StoredBytes resident(BodyHandle body, std::uint32_t size_bytes);
  /// `done` is called once, maybe before this returns. Errors: corrupt, with file and position.
  void read(BodyHandle body, std::uint32_t size_bytes, ReadDone done);
  /// The run's entries; its messages are resident afterwards, as long as the budget lasts, if it lasts at all. Errors: corrupt.
  void load_run(QueueId queue, const BacklogRun& run, RunDone done);

  std::uint64_t size_bytes() const { return size_bytes_; }
  /// Reads from the disk since start: begun, and through. They end in the order in which they begin.
  std::uint64_t reads_begun() const { return reads_begun_; }
  std::uint64_t reads_done() const { return reads_done_; }

 private:
  using Window = std::shared_ptr<const BacklogWindow>;
  /// Reads a stretch of a run, from memory at once or on the worker. `taken`: messages that are taken from it at once.
  void fetch(Extent stretch, std::uint32_t taken, std::function<void(Result<Window>)> done);
  bool forget_reading(const Window& window);
  struct Kept {
    Window window;
    std::uint32_t taken = 0;  // messages out of it
  };
  void keep(Window window, std::uint32_t taken);
  void drop(std::map<std::uint64_t, Kept>::iterator kept);
  void learn_from(const Kept& evicted);
  /// Windows last until their messages are wanted.
  bool keeps_runs() const { return window_size_bytes_ > backlog_window_size_bytes / 4; }
  StoredBytes take(const Window& window, BodyHandle body, std::uint32_t size_bytes) const;
  Error damaged(BodyHandle body) const;

  File& file_;
  Worker& worker_;
  const Post post_;
  const std::uint64_t size_max_bytes_;
  RunBlocks runs_;
  /// Being read, by position. Forgotten when their run is: what comes is given to who asked, and not kept.
  std::multimap<std::uint64_t, Window> reading_;
  std::map<std::uint64_t, Kept> windows_;  // by position
  std::deque<std::uint64_t> ages_;           // positions, oldest first; some may be gone already
  std::uint64_t size_bytes_ = 0;
  std::size_t window_size_bytes_ = backlog_window_size_bytes;
  std::uint64_t reads_begun_ = 0, reads_done_ = 0;
  std::shared_ptr<BacklogReader*> alive_;  // posted results look here first
};

}  // namespace tandem::storage
