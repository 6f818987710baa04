// Everything durable behind one door, for the server's loop: the journal (commit point), the body cache, the LMDB
// checkpoint, the backlog of queue runs and the topic segments.
//
// Thread rule: called from the loop's thread only; its own threads (journal, checkpoint, reader) report back by calling
// StoreEvents through the `post` function, which runs a task on the loop's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "broker/core/record.h"
#include "broker/core/send.h"
#include "broker/storage/stored_runs.h"
#include "schemas/message.h"
#include "schemas/result.h"

namespace tandem::storage {

class FileSystem;  // file.h: the OS seam, real and in-memory

/// What makes it worth to treat topic batches that are not home yet in a way of their own.
struct LargeTails {
  /// Mean size of the partitions' tails from which on they go home from memory, early, past the page cache: each makes long
  /// writes then.
  std::uint64_t tail_min_bytes = 512u << 10;
  /// Mean size of a tail's entries from which on they can be read from memory also when they are home: what an entry takes in
  /// RAM (56 bytes) is little beside it.
  std::uint64_t entry_min_bytes = 4u << 10;
  /// Size of a batch from which on it goes home at once, with a sync of its own, and not by way of the journal: that sync takes
  /// about as long as writing so much a second time.
  std::uint64_t home_min_bytes = 128u << 10;
  /// So many times its own size may lie before it in the partition's tail, and goes home with it.
  std::uint64_t tail_factor_max = 16;
};

struct StoreOptions {
  std::string directory;
  std::uint64_t journal_size_max_bytes = 0;      // 0 = limits.h
  std::uint64_t checkpoint_interval_bytes = 0;   // 0 = limits.h
  std::uint64_t body_cache_max_bytes = 0;        // 0 = limits.h
  std::uint64_t journal_segment_size_bytes = 0;  // 0 = limits.h
  std::uint32_t journal_salt = 0;                // of segments that are begun: random (SegmentId::salt)
  std::uint64_t journal_buffer_size_bytes = 0;   // 0 = the journal's usual one
  std::uint64_t journal_group_size_max_bytes = 0;  // 0 = limits.h
  std::string lmdb_directory;  // "" = directory; LMDB needs the real file system, also when a test's is in memory
  std::chrono::microseconds quick_sync_max{0};  // JournalOptions
  LargeTails large_tails;
  std::uint64_t removal_step_bytes = 1u << 20;  // that old files are freed in (file_remover.h)
  bool inline_threads = false;  // tests and simulation: no threads, work is done when pump() is called
};

/// What start-up finds, in order: records of the checkpoint (turn 0), then of the journal's tail.
using ReplaySink = std::function<void(const core::Record& record, TurnNumber turn)>;

/// Shared, immutable bytes.
struct StoredBytes {
  Bytes bytes;
  std::shared_ptr<const void> owner;
};

/// Called on the loop's thread.
class StoreEvents {
 public:
  virtual ~StoreEvents() = default;
  virtual void persisted(TurnNumber turn) = 0;
  /// A write or sync failed: nothing more may be confirmed; the process must say why and stop.
  virtual void failed(const Error& error) = 0;
  /// All of it is to be told to the core (core::CheckpointDone) before the next checkpoint begins.
  virtual void checkpoint_done(StoredRuns runs) = 0;
  /// Free space fell below the limit or recovered.
  virtual void disk_short(bool is_short, std::uint64_t free_bytes) = 0;
  /// A partition is compacted, and a crash does not take it back. Also once at every start.
  virtual void compacted(const core::CompactionDone& /*done*/) {}
  /// Background work failed, at nobody's cost; it is tried again later. For the people who look after the broker.
  virtual void trouble(const Error& /*error*/) {}
};

struct RecoveryReport {
  bool clean = false;             // the last stop was orderly
  std::uint64_t checkpoint_records = 0, journal_records = 0, journal_bytes = 0;
  std::uint64_t torn_tail_bytes = 0;  // unconfirmed bytes at the journal's end that were dropped
};

class Store {
 public:
  /// Locks the directory (refused with the pid that holds it), recovers, and leaves the store ready for writes.
  /// Errors: not writable, newer format version, damage (with file and position).
  static Result<std::unique_ptr<Store>> open(const StoreOptions& options, FileSystem& files, StoreEvents& events,
                                             std::function<void(std::function<void()>)> post,
                                             const ReplaySink& replay, RecoveryReport& report);
  virtual ~Store() = default;

  // --- writing ---------------------------------------------------------------------------------------------------------
  /// Appends the parts, joined, to the open group; see wire/face.h.
  virtual BodyHandle stage(std::initializer_list<Bytes> parts) = 0;
  /// The same for a record batch, which may lie apart when it is large: its handle is for one Appended record, which is least
  /// work when it is of that partition.
  virtual BodyHandle stage_batch(PartitionId /*likely*/, Bytes batch) { return stage({batch}); }
  /// A large message, `head` and `rest` joined: written by itself, ahead of the turn that will name it, so that nobody else waits
  /// for as long. What `rest` refers to stays as it is until `staged` is called, after this has returned and never from a call that takes
  /// records; the turn that names the body is written before `staged` returns, or never. It is not called once the store has
  /// failed or closes. Gives what unstage_large() asks for.
  virtual std::uint64_t stage_large(std::initializer_list<Bytes> head, Bytes rest, std::function<void(BodyHandle body)> staged) = 0;
  /// Nobody wants it any more. True: it had not been begun, and is forgotten; else `staged` is still called.
  virtual bool unstage_large(std::uint64_t which) = 0;
  /// Forgets what was staged since the last call to write() (nothing refers to it).
  virtual void unstage() = 0;
  /// Takes one turn's records: encodes the durable ones into the open group under `turn` (0: none is durable), patches
  /// batches with their offsets, and follows topics, runs and catalog. A turn is never split over two frames.
  virtual void write(std::span<const core::Record> records, TurnNumber turn) = 0;
  /// Hands the open group to the journal thread if that is idle and there is something durable to write; else it goes
  /// as soon as the thread is free. Call once per loop iteration.
  virtual void flush() = 0;
  /// The same before the loop's turn ends: leaves a group that is quickly written for flush().
  virtual void flush_ahead() { flush(); }
  /// True when the gathering group is full and the disk is behind: stop reading publishers until persisted().
  virtual bool behind() const = 0;

  // --- reading message bodies --------------------------------------------------------------------------------------------
  /// Resident bytes (nullptr owner = none). Valid while the owner is held. `*resident` false: use read().
  virtual StoredBytes resident(BodyHandle body, std::uint32_t size_bytes) = 0;
  /// Reads from disk; `done` is called on the loop's thread, maybe before read() returns. Checksums are checked.
  virtual void read(BodyHandle body, std::uint32_t size_bytes, std::function<void(Result<StoredBytes>)> done) = 0;
  virtual void load_run(QueueId queue, RunId run,
                        std::function<void(Result<std::vector<core::QueueEntry>>)> done) = 0;
  virtual void drop_run(QueueId queue, RunId run) = 0;

  // --- topics --------------------------------------------------------------------------------------------------------------
  /// Whole record batches of [offset, visible_end), size_max_bytes at most but one batch at least; messages that came
  /// through exchanges are joined into batches. `done` as for read().
  virtual void read_topic(PartitionId partition, Offset offset, Offset visible_end, std::uint32_t size_max_bytes,
                          std::function<void(Result<StoredBytes>)> done) = 0;
  struct TimestampFound { Offset offset = -1; TimestampMs timestamp = -1; };
  /// First record with a timestamp ≥ `at` in [start, end); offset -1 when there is none. at = INT64_MAX: the record
  /// with the largest timestamp.
  virtual void find_timestamp(PartitionId partition, TimestampMs at, Offset start, Offset end,
                              std::function<void(Result<TimestampFound>)> done) = 0;
  virtual void drop_topic(TopicId topic) = 0;
  /// Partitions whose oldest segments are past their topic's retention (retention.ms, retention.bytes).
  virtual std::vector<core::RetentionDue> retention_due(TimestampMs now) = 0;

  /// To be called every few seconds: looks at the free disk space, compacts topics whose cleanup.policy has "compact", and
  /// wants a checkpoint when topic records have waited for one too long.
  virtual void background(TimestampMs /*now*/) {}

  // --- checkpoint ------------------------------------------------------------------------------------------------------------
  /// Enough journal was written since the last one and none is running.
  virtual bool checkpoint_wanted() const = 0;
  /// Starts it in the background with the core's state at this moment; ends with StoreEvents::checkpoint_done.
  virtual void begin_checkpoint(core::CheckpointState state) = 0;

  /// Writes what is open, takes a last checkpoint with `state`, marks the directory clean, stops the threads.
  virtual Result<> close(core::CheckpointState state) = 0;
  /// inline_threads only: does the background work that is due. False when there was none.
  virtual bool pump() = 0;
  /// inline_threads only: does the oldest task of one background thread, so that a simulation chooses how they
  /// interleave. False when it has none.
  enum class Background : std::uint8_t { journal, checkpoint, reader, large };
  virtual bool pump_one(Background) { return false; }

  /// `recent_entries`: of topic tails that are home and can still be read from memory (LargeTails).
  struct Usage { std::uint64_t journal_bytes = 0, backlog_bytes = 0, topic_bytes = 0, checkpoint_bytes = 0, cache_bytes = 0, disk_free_bytes = 0; std::uint64_t groups = 0, recent_entries = 0; };
  virtual Usage usage() const = 0;
};

/// What `tandem check-store DIR` says: verifies every checksum and reference of a closed directory, and changes nothing.
/// `lmdb_directory` as in StoreOptions. Errors: locked (a broker is running on it), not_found (not a store); what is
/// wrong in it is in `problems`.
struct CheckReport { std::vector<std::string> problems; std::vector<std::string> facts; };
Result<CheckReport> check_store(const std::string& directory, FileSystem& files, const std::string& lmdb_directory = "");

}  // namespace tandem::storage
