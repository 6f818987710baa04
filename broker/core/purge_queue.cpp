#include <algorithm>

#include "broker/core/queue_verbs.h"
#include "broker/core/removals.h"

namespace tandem::core {
namespace {

/// What is on its way back goes with what is there, and all at once: what is left of it finds it gone. Gives the messages that are
/// neither in a lane nor gone then, which a purge does not touch, by seq.
std::vector<QueueEntry> take_returning(Turn& turn, QueueId id, QueueLife& life) {
  std::vector<QueueEntry> kept;
  if (life.unsettled > 0)
    for_each_unsettled(turn.session(), id, [&](UnsettledRing& ring, std::size_t place) {
      const QueueEntry& entry = ring[place].entry;
      if (!ring.returns(ring[place])) return kept.push_back(entry);
      --life.unsettled;
      life.unsettled_bytes -= entry.size_bytes;
      ring.change(place).went_back = true;
    });
  life.returning = 0;
  for (const auto& [seq, leaving] : life.leaving) kept.push_back(leaving.entry);
  std::sort(kept.begin(), kept.end(), [](const QueueEntry& a, const QueueEntry& b) { return a.seq < b.seq; });
  return kept;
}

void record_purge(Turn& turn, const Queue& queue, const std::vector<QueueEntry>& kept) {
  const QueueSeq end = queue.facts.next_seq;
  QueueSeq first = 1;
  const auto purge_below = [&](QueueSeq until) {
    if (first < until)
      turn.record(Removed{queue.declared.id, {first, until - 1}, RemovalReason::purged, queue.is_durable()});
  };
  for (const QueueEntry& entry : kept) {
    purge_below(entry.seq);
    first = entry.seq + 1;
  }
  purge_below(end);
}

/// Keeps the runs of messages that are still taken out.
void drop_runs(Turn& turn, QueueId id, QueueLife& life, const std::vector<QueueEntry>& kept) {
  for (Lane& lane : life.lanes) {
    for (std::size_t i = 0; i < lane.runs().size(); ++i) lane.runs()[i].alive = 0;
    for (const QueueEntry& entry : kept)
      if (Run* run = is_homed(entry.body) ? lane.find_run(entry.seq) : nullptr;
          run && &life.lane(entry.priority) == &lane)
        ++run->alive;
    lane.runs().keep_if([&](const Run& run) {
      if (run.alive == 0) turn.say_behind_answers(DropRun{id, run.id});
      return run.alive > 0;
    });
  }
}

/// A run may hold messages that are not ready: it could not be read, and a restart would find them.
bool has_runs(const QueueLife& life) {
  return std::any_of(life.lanes.begin(), life.lanes.end(), [](const Lane& lane) { return !lane.runs().empty(); });
}

}  // namespace

void handle(Turn& turn, const PurgeQueue& input) {
  const Queue* queue = find_queue_or_refuse(turn, input.who, input.name);
  if (!queue) return;
  const QueueId id = queue->declared.id;
  QueueLife& life = *turn.life(id);
  const std::uint64_t purged = life.ready + life.returning;
  if (purged > 0 || has_runs(life)) {
    const std::vector<QueueEntry> kept = take_returning(turn, id, life);
    record_purge(turn, *queue, kept);
    for (Lane& lane : life.lanes) lane.clear();
    life.delays.clear();
    life.ready = life.ready_bytes = life.cold = life.cold_bytes = 0;
    life.visible_end = queue->facts.next_seq;
    life.counts.purged += purged;
    turn.pending().count_gone(purged);
    drop_runs(turn, id, life, kept);
  }
  turn.mark(id);  // a Get may wait for what is not there any more
  turn.answer(input.who, QueueOk{input.who, queue->declared.name, purged, 0});
}

}  // namespace tandem::core
