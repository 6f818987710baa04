// Which runs are in the backlog file, as the loop knows them. Thread rule: the loop's thread.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "broker/core/record.h"
#include "broker/storage/backlog_extents.h"

namespace tandem::storage {

struct BacklogRun {
  core::RunHomed homed;
  bool stored = false;     // the checkpoint keeps a record of it: a restart finds it again
  bool recovered = false;  // from before this start: its transient messages are gone
  Extent extent() const { return {homed.position, homed.extent_bytes}; }
};

class BacklogRuns {
 public:
  void add(const BacklogRun& run);
  /// nullptr when unknown.
  const BacklogRun* find(QueueId queue, RunId run) const;
  /// All of a queue's, in order of their ids.
  std::vector<BacklogRun> of(QueueId queue) const;
  std::vector<BacklogRun> all() const;
  void erase(QueueId queue, RunId run) { runs_.erase({queue, run}); }

 private:
  std::map<std::pair<QueueId, RunId>, BacklogRun> runs_;
};

}  // namespace tandem::storage
