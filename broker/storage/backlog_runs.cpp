#include "broker/storage/backlog_runs.h"

#include "broker/base/check.h"

namespace tandem::storage {

/// Where it is or would be.
std::size_t BacklogRuns::index_of(const Runs& runs, RunId run) {
  return runs.partition_point([run](const Packed& one) { return one.id < run; });
}

void BacklogRuns::add(QueueId queue, const BacklogRun& run) {
  Packed packed;
  packed.id = run.id;
  packed.block = run.extent.position / backlog_block_bytes;
  packed.blocks = run.extent.size_bytes / backlog_block_bytes;
  packed.stored = run.stored;
  packed.recovered = run.recovered;
  CHECK(packed.extent() == run.extent);
  Runs& runs = queues_[queue.value];
  CHECK(runs.empty() || runs.back().id < run.id);
  runs.push_back(packed);
}

std::optional<BacklogRun> BacklogRuns::find(QueueId queue, RunId run) const {
  const auto runs = queues_.find(queue.value);
  if (runs == queues_.end()) return std::nullopt;
  const std::size_t index = index_of(runs->second, run);
  if (index == runs->second.size() || runs->second[index].id != run) return std::nullopt;
  return runs->second[index].unpacked();
}

std::vector<BacklogRun> BacklogRuns::of(QueueId queue) const {
  std::vector<BacklogRun> found;
  const auto runs = queues_.find(queue.value);
  if (runs == queues_.end()) return found;
  for (std::size_t i = 0; i < runs->second.size(); ++i) found.push_back(runs->second[i].unpacked());
  return found;
}

void BacklogRuns::erase(QueueId queue, RunId run) {
  const auto runs = queues_.find(queue.value);
  if (runs == queues_.end()) return;
  const std::size_t index = index_of(runs->second, run);
  if (index == runs->second.size() || runs->second[index].id != run) return;
  runs->second.erase(index);
  if (runs->second.empty()) queues_.erase(runs);
}

std::vector<Extent> BacklogRuns::extents() const {
  std::size_t count = 0;
  for (const auto& [queue, runs] : queues_) count += runs.size();
  std::vector<Extent> found;
  found.reserve(count);
  for (const auto& [queue, runs] : queues_)
    for (std::size_t i = 0; i < runs.size(); ++i) found.push_back(runs[i].extent());
  return found;
}

}  // namespace tandem::storage
