#include "broker/core/checkpoint.h"

#include <algorithm>
#include <tuple>

#include "broker/base/check.h"
#include "broker/core/dispatch.h"
#include "broker/core/queue_verbs.h"
#include "broker/core/rim_verbs.h"
#include "broker/core/settlement.h"
#include "broker/core/topic.h"

namespace tandem::core {
namespace {

// --- begun
// ----------------------------------------------------------------------------------------------------------------

/// A message whose bytes are in the journal, and which is in no lane.
struct TakenSurvivor {
  QueueId queue;
  QueueEntry entry;
};
/// By queue, priority and seq.
using TakenSurvivors = std::vector<TakenSurvivor>;

bool before(const TakenSurvivor& a, const TakenSurvivor& b) {
  return std::tie(a.queue, a.entry.priority, a.entry.seq) < std::tie(b.queue, b.entry.priority, b.entry.seq);
}
bool seq_before(const QueueEntry& a, const QueueEntry& b) { return a.seq < b.seq; }

TakenSurvivors find_taken_survivors(const State& state, const Session& session) {
  TakenSurvivors taken;
  const auto add = [&taken](QueueId queue, const QueueEntry& entry) {
    if (!is_homed(entry.body)) taken.push_back({queue, entry});
  };
  state.queues.all().for_each([&](const Queue& queue) {
    for (const auto& [seq, leaving] : queue.life.leaving) add(queue.declared.id, leaving.entry);
  });
  for_each_unsettled(session, [&](const UnsettledRing&, const Unsettled& delivery) {
    if (state.queues.find(delivery.queue)) add(delivery.queue, delivery.entry);
  });
  if (!std::is_sorted(taken.begin(), taken.end(), before)) std::sort(taken.begin(), taken.end(), before);
  return taken;
}

/// Those of one priority of the queue. `next`: the first of `taken` that is not before them; moved behind those that are theirs.
/// In exact memory: these may be all messages of the last stretch of the journal, and they stay until the checkpoint ends.
void add_survivors(const Queue& queue, std::uint8_t priority, TakenSurvivors::const_iterator& next,
                   const TakenSurvivors& taken, CheckpointState& out) {
  const auto first_taken = next;
  while (next != taken.end() && next->queue == queue.declared.id && next->entry.priority == priority) ++next;
  const Lane& lane = queue.life.lanes[priority];
  std::size_t count = static_cast<std::size_t>(next - first_taken);
  lane.for_each_resident([&count](const QueueEntry& entry) { count += !is_homed(entry.body); });
  if (count == 0) return;
  std::vector<QueueEntry>& entries = out.survivors.emplace_back(Survivors{queue.declared.id, priority, {}}).entries;
  entries.reserve(count);
  for (auto it = first_taken; it != next; ++it) entries.push_back(it->entry);
  const auto middle = entries.end() - entries.begin();
  lane.for_each_resident([&entries](const QueueEntry& entry) {
    if (!is_homed(entry.body)) entries.push_back(entry);
  });
  const auto waiting = entries.begin() + middle;
  // What was handed out is mostly older than what waits.
  if (middle > 0 && waiting != entries.end() && seq_before(*waiting, *std::prev(waiting)))
    std::inplace_merge(entries.begin(), waiting, entries.end(), seq_before);
}

// --- done
// -----------------------------------------------------------------------------------------------------------------

/// A message that was out of its lane when the checkpoint finished.
struct TakenOut {
  QueueId queue;
  QueueSeq seq = 0;
  QueueEntry* entry = nullptr;
};

/// By queue and seq.
std::vector<TakenOut> find_taken_out(State& state, const Session& session) {
  std::vector<TakenOut> taken;
  const auto add = [&taken](QueueId queue, QueueEntry& entry) {
    if (!is_homed(entry.body)) taken.push_back({queue, entry.seq, &entry});
  };
  state.queues.for_each([&add](Queue& queue) {
    for (auto& [seq, leaving] : queue.life.leaving) add(queue.declared.id, leaving.entry);
  });
  for_each_unsettled(session, [&add](const UnsettledRing&, Unsettled& delivery) { add(delivery.queue, delivery.entry); });
  std::sort(taken.begin(), taken.end(), [](const TakenOut& a, const TakenOut& b) {
    return std::tie(a.queue, a.seq) < std::tie(b.queue, b.seq);
  });
  return taken;
}

/// Returns how many of the run's messages are out of their lane.
std::uint32_t move_taken_out(const RunStored& run, std::vector<TakenOut>& taken) {
  const auto first =
      std::lower_bound(taken.begin(), taken.end(), run, [](const TakenOut& one, const RunStored& wanted) {
        return std::tie(one.queue, one.seq) < std::tie(wanted.queue, wanted.first);
      });
  std::uint32_t count = 0;
  auto next = run.moved.begin();
  for (auto it = first; it != taken.end() && it->queue == run.queue && it->seq <= run.last; ++it) {
    while (next != run.moved.end() && next->first < it->seq) ++next;
    if (next == run.moved.end() || next->first != it->seq) continue;
    it->entry->body = next->second;
    ++count;
  }
  return count;
}

void apply_run(Turn& turn, Queue* queue, const RunStored& run, std::vector<TakenOut>& taken) {
  Lane* lane = queue ? &queue->life.lane(run.priority) : nullptr;
  const std::uint32_t alive = lane ? lane->move_bodies(run.moved) + move_taken_out(run, taken) : 0;
  if (alive == 0) return turn.say_now(DropRun{run.queue, run.run});
  lane->runs().push_back(make_run(run.run, {run.first, run.last}, run.size_bytes, run.count, alive));
}

/// Keeps the front of every queue; the rest of what has a home leaves RAM while there is too much.
void drop_homed(State& state, const Turn& turn) {
  std::size_t resident = 0;
  state.queues.for_each([&resident](const Queue& queue) { resident += queue.life.resident(); });
  if (resident <= turn.options().resident_entries_max) return;
  const std::size_t kept = turn.front_entries();
  state.queues.for_each([kept](Queue& queue) {
    QueueLife& life = queue.life;
    for (Lane& lane : life.lanes) {
      const Lane::Dropped dropped = lane.drop_homed(kept);
      life.cold += dropped.count;
      life.cold_bytes += dropped.size_bytes;
    }
  });
}

}  // namespace

void checkpoint(State& state, const Session& session, CheckpointState& out) {
  out.turn = state.counters.turn;
  out.states.push_back(state.counters);
  const TakenSurvivors taken = find_taken_survivors(state, session);
  auto next = taken.begin();
  state.queues.for_each([&](Queue& queue) {
    for (std::size_t priority = 0; priority < queue.life.lanes.size(); ++priority)
      add_survivors(queue, static_cast<std::uint8_t>(priority), next, taken, out);
    if (!queue.is_durable() || !queue.facts.dirty) return;
    out.states.push_back(state_of(queue));
    queue.facts.durable_end = queue.facts.next_seq;
    queue.facts.dirty = false;
  });
  CHECK(next == taken.end());
  checkpoint_topics(state, out);
}

void apply_homes(State& state, Session& session, Turn& turn, const CheckpointDone& done) {
  std::vector<TakenOut> taken = find_taken_out(state, session);
  for (const RunStored& run : done.runs) apply_run(turn, state.queues.change(run.queue), run, taken);
  drop_homed(state, turn);
}

/// What is due in this call is done before: its records lie in the journal before the checkpoint's cut, so a restart would
/// not see them again if the state did not have them. What calls had still to settle is done before the last one only, by which a message
/// that comes back must have come back: it may take some ms.
void handle(Turn& turn, const CheckpointBegun& input) {
  if (input.is_last) finish_settling(turn);
  finish_call(turn);
  CheckpointState state;
  turn.checkpoint(state);
  turn.pending().entries_in_journal = 0;
  turn.say_now(std::move(state));
}

void handle(Turn& turn, const CheckpointDone& input) {
  turn.apply_homes(input);
}

}  // namespace tandem::core
