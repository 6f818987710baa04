// Storage has compacted a partition: what its aborted transactions wrote is gone, and so is the need to tell readers of them.
// (It must go: the markers that end them for a reader are compacted away later, and an abort without an end would hide what
// its producer commits afterwards.)
#include <algorithm>

#include "broker/core/topic_verbs.h"

namespace tandem::core {

void handle(Turn& turn, const CompactionDone& input) {
  const Partition* partition = turn.state().topics.find(input.partition);
  if (!partition) return;
  const bool has_aborted = !partition->aborted.empty() && partition->aborted.front().last < input.through;
  if (has_aborted || input.removed_bytes > 0)
    turn.record(Compacted{input.partition, input.through, input.removed_bytes});
}

void apply(State& state, const Compacted& record) {
  Partition* partition = state.topics.change(record.partition);
  if (!partition) return;
  partition->size_bytes -= std::min(partition->size_bytes, record.removed_bytes);
  std::erase_if(partition->aborted, [&](const AbortedTransaction& each) { return each.last < record.through; });
}

}  // namespace tandem::core
