#include "broker/core/idle_producers.h"

#include <algorithm>

#include "broker/core/producer_window.h"
#include "broker/core/turn.h"

namespace tandem::core {
namespace {

constexpr DurationMs silence_max_ms = 24 * 60 * 60 * 1000;
constexpr DurationMs looks_apart_ms = 60 * 60 * 1000;

bool is_silent(const ProducerWindow& window, Offset since) {
  return window.transaction_start < 0 && newest_offset(window) < since;
}

bool has_silent(const Partition& partition, Offset since) {
  return std::any_of(partition.producers.begin(), partition.producers.end(),
                     [since](const ProducerWindow& window) { return is_silent(window, since); });
}

}  // namespace

void begin_looking(IdleProducers& idle, TimestampMs now) {
  idle.next_at = now + looks_apart_ms;
}

void forget_idle_windows(Turn& turn) {
  IdleProducers& idle = turn.session().idle_producers;
  if (turn.now() < idle.next_at) return;
  idle.next_at = turn.now() + looks_apart_ms;
  std::map<PartitionId, IdleProducers::Mark> marks;
  std::vector<ProducersForgotten> forgotten;
  for (const auto& [id, topic] : turn.state().topics.all())
    for (PartitionIndex index = 0; index < topic.facts.partitions; ++index) {
      const Partition& partition = topic.partitions[static_cast<std::size_t>(index)];
      if (partition.producers.empty()) continue;
      const PartitionId partition_id{id, index};
      const auto known = idle.marks.find(partition_id);
      IdleProducers::Mark mark = known != idle.marks.end() ? known->second : IdleProducers::Mark{turn.now(), partition.end};
      if (turn.now() - mark.at >= silence_max_ms) {
        if (has_silent(partition, mark.end)) forgotten.push_back({partition_id, mark.end});
        mark = {turn.now(), partition.end};
      }
      marks.emplace(partition_id, mark);
    }
  idle.marks = std::move(marks);
  for (const ProducersForgotten& record : forgotten) turn.record(record);
}

void apply(State& state, const ProducersForgotten& record) {
  Partition* partition = state.topics.change(record.partition);
  if (!partition) return;
  std::erase_if(partition->producers,
                [&](const ProducerWindow& window) { return is_silent(window, record.before); });
}

}  // namespace tandem::core
