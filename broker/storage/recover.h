// Start-up: the checkpoint's records, then the journal's, through the same sink that the core applies them
// with.
#pragma once

#include <vector>

#include "broker/storage/checkpoint_changes.h"
#include "broker/storage/checkpoint_keys.h"
#include "broker/storage/journal_reader.h"
#include "broker/storage/lmdb.h"
#include "broker/storage/store.h"
#include "broker/storage/topic_segment.h"

namespace tandem::storage {

/// What the checkpoint holds besides the core's records.
struct RecoveredCheckpoint {
  CheckpointMark mark;  // default: there was never one
  bool has_old_runs = false;  // under keys of format 5 or older
  struct PartitionSegment {
    PartitionId partition;
    TopicSegment segment;
  };
  std::vector<PartitionSegment> segments;  // by partition, ascending
};

/// Every record goes to `sink` with turn 0, in an order in which each finds what it names: ids, exchanges,
/// queues, topics, bindings, then the state of queues (with their runs), partitions, groups and producers.
/// Errors: corrupt (with file and key), not_supported (a newer version wrote it).
Result<RecoveredCheckpoint> recover_checkpoint(const Lmdb& lmdb, const ReplaySink& sink);

}  // namespace tandem::storage
