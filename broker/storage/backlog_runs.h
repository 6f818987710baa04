// Which runs are in the backlog file, as the loop knows them. Thread rule: the loop's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "broker/base/ids.h"
#include "broker/base/ring.h"
#include "broker/storage/backlog_extents.h"
#include "broker/storage/backlog_run.h"

namespace tandem::storage {

struct BacklogRun {
  RunId id;
  Extent extent;           // whole blocks of the file
  bool stored = false;     // the checkpoint keeps a record of it: a restart finds it again
  bool recovered = false;  // from before this start: its transient messages are gone
};

/// Keeps 16 bytes for each: 10,000 queues that fill side by side have a million runs.
class BacklogRuns {
 public:
  /// Its id is above those of the queue's other runs.
  void add(QueueId queue, const BacklogRun& run);
  std::optional<BacklogRun> find(QueueId queue, RunId run) const;
  /// All of a queue's, in order of their ids.
  std::vector<BacklogRun> of(QueueId queue) const;
  void erase(QueueId queue, RunId run);
  /// Of all runs, in no order.
  std::vector<Extent> extents() const;

 private:
  struct Packed {
    RunId id;
    std::uint64_t block : backlog_block_bits = 0, blocks : 20 = 0;
    std::uint64_t stored : 1 = 0, recovered : 1 = 0;
    Extent extent() const { return {block * backlog_block_bytes, blocks * backlog_block_bytes}; }
    BacklogRun unpacked() const { return {id, extent(), stored == 1, recovered == 1}; }
  };
  using Runs = Ring<Packed>;  // by id, ascending
  static std::size_t index_of(const Runs& runs, RunId run);

  std::unordered_map<std::uint32_t, Runs> queues_;  // by id; those with runs
};

}  // namespace tandem::storage
