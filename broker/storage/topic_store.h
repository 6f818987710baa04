// The partitions' bytes: segment files, and the tail that still lies in the journal. Follows the records that
// the core gives, answers reads, and hands what has to move home to the checkpoint. Thread rule: the loop's
// thread; TopicHoming is the checkpoint thread's while its checkpoint runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/core/record.h"
#include "broker/core/send.h"
#include "broker/storage/body_cache.h"
#include "broker/storage/checkpoint_changes.h"
#include "broker/storage/compaction.h"
#include "broker/storage/file_remover.h"
#include "broker/storage/store.h"
#include "broker/storage/topic_home.h"
#include "broker/storage/topic_segment.h"
#include "broker/storage/topic_segment_reader.h"
#include "broker/storage/topic_segment_writer.h"
#include "broker/storage/topic_store_tail.h"
#include "broker/base/worker.h"

namespace tandem::storage {

/// What storage needs of a topic's configuration. Defaults are Kafka's.
struct TopicRetention {
  DurationMs age_max_ms = 604'800'000;  // retention.ms; -1 = forever
  std::int64_t size_max_bytes = -1;     // retention.bytes, per partition; -1 = any
  TopicSegmentLimits segments;
  bool compacts = false;                                                // cleanup.policy has "compact"
  double dirty_ratio_min = 0.5;                                         // min.cleanable.dirty.ratio
  DurationMs lag_min_ms = 0;                                            // min.compaction.lag.ms
  DurationMs lag_max_ms = std::numeric_limits<DurationMs>::max();       // max.compaction.lag.ms
  DurationMs tombstone_age_max_ms = 86'400'000;                         // delete.retention.ms
};
/// Entries that are missing or no numbers leave the default. Without "delete" in cleanup.policy nothing is
/// ever due for retention.
TopicRetention parse_retention(const std::vector<std::pair<std::string, std::string>>& config);

/// A partition's part of a checkpoint. The checkpoint's thread fills `growths`.
struct PartitionHoming {
  PartitionId partition;
  Offset start = 0;  // entries that end at or before it need not move
  TopicSegmentLimits limits;
  std::optional<TopicSegmentFacts> active;
  std::shared_ptr<const TopicTail> tail;
  std::vector<TopicSegmentGrowth> growths;
};
/// Segments and topics that no read will ask for any more: forgotten by the checkpoint, then their files go.
struct OldTopicFiles {
  struct Segment {
    PartitionId partition;
    Offset base = 0;
    std::uint64_t generation = 0;
  };
  std::vector<Segment> segments;
  std::vector<TopicId> topics;
};
struct TopicHoming {
  std::vector<PartitionHoming> partitions;
  OldTopicFiles old;
  CheckpointChanges changes;  // keys of segments that came and went since the last one
  std::vector<core::CompactionDone> compacted;  // durably so once it is committed
};

class TopicStore {
 public:
  using Post = std::function<void(std::function<void()>)>;
  using ReadDone = std::function<void(Result<StoredBytes>)>;
  using FindDone = std::function<void(Result<Store::TimestampFound>)>;

  /// References must outlive it, and `reader` must be idle when it goes. `directory`: that of all topics.
  TopicStore(FileSystem& files, std::string directory, BodyCache& bodies, Worker& reader, Post post,
             LargeTails large);

  // Following the records. What a record names and is not known (a topic that is gone) is passed over.
  void follow(const core::TopicCreated& topic);
  void follow(const core::TopicAltered& altered) { follow(altered.topic); }
  /// Errors: corrupt, when it is said to be home at a place that is none; only at a start.
  Result<> follow(const core::Appended& appended);
  void follow(const core::Trimmed& trimmed);
  void follow(const core::TopicDeleted& deleted) { drop(deleted.id); }
  void follow(const core::PartitionState& state);
  void restore_segment(PartitionId partition, TopicSegment segment);  // start-up; ascending
  /// Start-up is over. Until then a partition's last segment stays, whatever was trimmed: what comes next may be in it.
  void replayed();
  void drop(TopicId topic);

  // As in store.h.
  void read(PartitionId partition, Offset offset, Offset visible_end, std::uint32_t size_max_bytes,
            ReadDone done);
  void find_timestamp(PartitionId partition, TimestampMs at, Offset start, Offset end, FindDone done);
  std::vector<core::RetentionDue> retention_due(TimestampMs now) const;

  /// The compaction that is needed most; nullopt when none is. Not while another one runs.
  std::optional<CompactionTask> compaction_due(TimestampMs now) const;
  /// It ended well: its files take the place of the old ones, which go with the next checkpoint.
  void compacted(const Compaction& compaction);
  /// It ended without success: not again before `not_before`.
  void put_off_compaction(PartitionId partition, TimestampMs not_before);
  /// Of every partition that has been compacted; for start-up.
  std::vector<core::CompactionDone> compacted_partitions() const;
  /// Something waits for the next checkpoint: tails that are not home, or files that compaction replaced.
  bool waits_for_checkpoint() const;
  /// Of files that compaction replaced and no checkpoint has forgotten.
  std::uint64_t replaced_size_bytes() const { return replaced_size_bytes_; }

  /// How the batch, and what its partition's tail holds, go home at once. nullopt: they cannot now; then it has to go by way of
  /// the journal, and be followed. Otherwise it is followed already, and home_written() is to come.
  std::optional<HomeWrite> go_home(const core::Appended& appended, StoredBytes batch);
  /// Where the next batch will begin in the partition's newest segment, if it goes home at once.
  std::uint64_t next_home_position(PartitionId id) const;
  /// The same for tails of partitions whose batches go home at once, to be written before a cut: they have no part in the
  /// checkpoint, during which no batch could go home at once. No record says where they are; so until homed() such a partition
  /// begins no segment, and what a start reads from the journal leads to the same places.
  std::vector<HomeWrite> tails_go_home();
  void home_written(const HomeWrite& home);
  /// Batches that should have gone home at once could not, for what was not home before them.
  bool home_is_waited_for() const { return home_is_waited_for_; }

  /// What was appended since the last begin_homing().
  std::uint64_t tails_size_bytes() const { return tails_size_bytes_; }
  /// Those tails are so few and large that each makes long writes when it goes home.
  bool tails_are_large() const { return tails_ > 0 && tails_size_bytes_ / tails_ >= large_.tail_min_bytes; }
  /// What is on its way home, from begin_homing() to homed().
  std::uint64_t homing_size_bytes() const { return homing_size_bytes_; }

  /// Everything appended until now is to move home. One at a time, each followed by homed().
  TopicHoming begin_homing();
  /// The checkpoint is committed: what moved is read from its segments from now on.
  void homed(const TopicHoming& homing);

  /// Gives the files of a committed checkpoint's old segments and topics to `remover`, when all reads that were begun before
  /// homed() are through. `read`: the partition that a compaction may still be reading from. The remover's thread.
  void remove_old_files(const OldTopicFiles& old, std::optional<PartitionId> read, FileRemover& remover);
  /// Removes what a crash left and nothing refers to. `known`: the segments that the checkpoint knows. Checkpoint's thread, before its first checkpoint.
  using KnownSegments = std::map<PartitionId, std::set<std::string>>;  // file names
  Result<> remove_leftovers(const KnownSegments& known);
  /// To be called before it is handed to that thread. Adds to `known` what the journal named since the checkpoint; until it is
  /// done no commit group makes a file that it could take for a leftover.
  void expect_leftovers(KnownSegments& known);

  std::uint64_t size_bytes() const { return size_bytes_; }
  /// Of tails that are home and can still be read from memory.
  std::uint64_t recent_entries();
  const std::string& directory() const { return directory_; }

 private:
  struct Partition {
    Offset start = 0;
    // In this order; no offset is in two of them.
    std::vector<std::shared_ptr<TopicSegment>> segments;  // ascending
    std::deque<TopicTailEntry> settling;                  // on its way to the segments with commit groups
    std::shared_ptr<const TopicTail> homing;              // the same with a checkpoint; may be nullptr
    TopicTail tail;
    std::uint64_t tail_size_bytes = 0;
    bool tail_is_batches = true;
    TopicSegmentFacts settled;                   // the newest segment's, once all of `settling` is in it
    std::vector<TopicSegmentGrowth> unrecorded;  // by commit groups since the last checkpoint began; one for each segment
    bool has_large = false;                      // since then a batch went home at once, or should have
    bool may_roll = true;                        // see tails_go_home()
    /// Already home, but maybe still in RAM: who reads close behind the end is spared the disk. Oldest first.
    std::deque<std::shared_ptr<const TopicTail>> recent;
    bool replaced = false;               // a compaction's files took the place of others since the last checkpoint
    TimestampMs compact_not_before = 0;  // the last compaction found nothing that it could do, or failed
  };
  struct Topic {
    TopicRetention retention;
    std::map<PartitionIndex, Partition> partitions;
  };
  class TailRead;
  class TailSearch;
  /// What a read is to give.
  struct Wanted {
    PartitionId partition;
    Offset offset, visible_end;
    std::uint32_t size_max_bytes;
    int reads_left;
  };

  Partition* find(PartitionId id);
  const Partition* find(PartitionId id) const;
  const TopicSegmentFacts* newest_facts(const Partition& partition) const;
  std::optional<HomeWrite> plan_home(PartitionId id, const Topic& topic, Partition& partition, TopicTailEntry* last,
                                     StoredBytes bytes);
  Result<> follow_home(Partition& partition, const core::Appended& appended);
  void record_growth(Partition& partition, const TopicSegmentGrowth& growth);
  void put_unrecorded(PartitionId id, Partition& partition);
  const TopicSegment* segment_for(const Partition& partition, Offset offset) const;
  TopicStretch stretch(PartitionId id, const TopicSegment& segment, const TopicIndexEntry& from) const;
  void read(const Wanted& wanted, ReadDone done);
  void read_entries(std::vector<TopicTailEntry> entries, const Wanted& wanted, ReadDone done);
  void read_segment(TopicStretch stretch, Offset offset, Offset visible_end, std::uint32_t size_max_bytes,
                    ReadDone done);
  template <class Visit>
  static void for_each_not_home(const Partition& partition, Offset offset, Visit visit);
  std::vector<TopicTailEntry> tail_entries(const Partition& partition, const Wanted& wanted) const;
  std::vector<TopicTailEntry> recent_entries(const Partition& partition, Offset offset, Offset visible_end,
                                             std::uint32_t size_max_bytes);
  void keep_recent(PartitionId id, Partition& partition, std::shared_ptr<const TopicTail> tail);
  void drop_what_left_memory();
  void drop_what_left_memory(Partition& partition);
  Result<> remove_unknown(const KnownSegments& known);
  void clear_tail(Partition& partition);
  void find_timestamp(PartitionId partition, TimestampMs at, Offset start, Offset end, FindDone done,
                      int searches_left);
  void grow(Partition& partition, const TopicSegmentGrowth& growth);
  void drop_trimmed(PartitionId id, Partition& partition);
  void forget_segment(PartitionId id, const TopicSegmentFacts& facts);
  void know_segment(PartitionId id, const TopicSegment& segment);

  FileSystem& files_;
  const std::string directory_;
  BodyCache& bodies_;
  Worker& reader_;
  const Post post_;
  const LargeTails large_;
  TopicFiles open_files_;
  std::map<TopicId, Topic> topics_;  // ordered: retention and homing go through it
  std::uint64_t size_bytes_ = 0;
  std::uint64_t tails_ = 0, tails_size_bytes_ = 0;  // of partitions whose tail is not empty
  std::uint64_t homing_size_bytes_ = 0;
  bool home_is_waited_for_ = false;
  bool replaying_ = true;
  std::atomic<bool> may_make_files_ = true;
  std::set<PartitionId> with_recent_;  // partitions of which something is kept in `recent`
  OldTopicFiles old_;  // since the last begin_homing()
  CheckpointChanges segment_changes_;
  std::vector<core::CompactionDone> newly_compacted_;
  std::uint64_t replaced_size_bytes_ = 0;
  std::shared_ptr<TopicStore*> alive_;  // posted results look here first
};

}  // namespace tandem::storage
