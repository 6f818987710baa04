#include "broker/storage/backlog_runs.h"

namespace tandem::storage {

void BacklogRuns::add(const BacklogRun& run) {
  runs_[{run.homed.queue, run.homed.run}] = run;
}

const BacklogRun* BacklogRuns::find(QueueId queue, RunId run) const {
  const auto found = runs_.find({queue, run});
  return found == runs_.end() ? nullptr : &found->second;
}

std::vector<BacklogRun> BacklogRuns::of(QueueId queue) const {
  std::vector<BacklogRun> found;
  for (auto run = runs_.lower_bound({queue, RunId(0)}); run != runs_.end() && run->first.first == queue;
       ++run)
    found.push_back(run->second);
  return found;
}

std::vector<BacklogRun> BacklogRuns::all() const {
  std::vector<BacklogRun> found;
  for (const auto& [key, run] : runs_) found.push_back(run);
  return found;
}

}  // namespace tandem::storage
