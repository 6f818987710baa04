// A run of a queue comes back from the backlog file, or cannot.
#include <algorithm>

#include "broker/core/rim_verbs.h"

namespace tandem::core {
namespace {

/// The lane that asked for this run and still wants it; nullptr when a purge came in between.
Lane* take_request(Turn& turn, QueueLife& life, QueueId queue, RunId run) {
  for (Lane& lane : life.lanes) {
    if (lane.loading != run) continue;
    lane.loading = RunId();
    turn.mark(queue);
    if (lane.has_cold() && lane.first_cold().run == run) return &lane;
  }
  return nullptr;
}

/// Takes the lane's first cold span out of the counts; what was really there is counted again as it comes in.
ColdSpan open_span(QueueLife& life, Lane& lane) {
  const ColdSpan span = lane.pop_cold();
  const std::uint64_t size = std::min<std::uint64_t>(life.cold_bytes, span.size_bytes);
  life.cold_bytes -= size;
  life.ready_bytes -= std::min(life.ready_bytes, size);
  return span;
}

void forget_cold(QueueLife& life, std::uint64_t count) {
  count = std::min(count, life.cold);
  life.cold -= count;
  life.ready -= count;
}

/// After the last span the count of cold messages must be zero; a span of a restart may have had fewer than
/// thought.
void settle_cold_count(QueueLife& life) {
  const bool has_cold = std::any_of(life.lanes.begin(), life.lanes.end(),
                                    [](const Lane& lane) { return lane.has_cold(); });
  if (!has_cold) forget_cold(life, life.cold);
}

bool belongs(const Queue& queue, const ColdSpan& span, const QueueEntry& entry) {
  if (entry.seq < span.first || entry.seq > span.last || queue.life.left_early.contains(entry.seq)) return false;
  return !span.from_restart || (entry.durable && !queue.facts.gone.contains(entry.seq));
}

}  // namespace

void handle(Turn& turn, const RunLoaded& input) {
  const Queue* queue = turn.state().queues.find(input.queue);
  if (!queue) return;
  QueueLife& life = *turn.life(input.queue);
  Lane* lane = take_request(turn, life, input.queue, input.run);
  if (!lane) return;
  const ColdSpan span = open_span(life, *lane);
  std::uint32_t count = 0;
  for (QueueEntry entry : input.entries) {
    if (!belongs(*queue, span, entry)) continue;
    entry.deliveries = deliveries_of(queue->facts, entry, span.from_restart);
    lane->push_loaded(entry);
    life.ready_bytes += entry.size_bytes;
    ++count;
  }
  // They stay ready; only their place has changed.
  life.cold -= std::min<std::uint64_t>(life.cold, count);
  settle_cold_count(life);
  Run* run = lane->find_run(span.first);
  if (!run || !span.from_restart) return;
  run->alive = static_cast<std::uint16_t>(count);
  if (count > 0) return;
  turn.say_now(DropRun{input.queue, input.run});
  lane->runs().keep_if([&input](const Run& other) { return other.id != input.run; });
}

/// Its messages cannot be handed out in this life of the broker. They are not gone: the run stays on disk,
/// and after a repair a restart finds them.
void handle(Turn& turn, const RunUnreadable& input) {
  QueueLife* life = turn.life(input.queue);
  Lane* lane = life ? take_request(turn, *life, input.queue, input.run) : nullptr;
  if (!lane) return;
  const ColdSpan span = open_span(*life, *lane);
  forget_cold(*life, span.count);
  settle_cold_count(*life);
}

}  // namespace tandem::core
