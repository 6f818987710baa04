#include "broker/core/checkpoint.h"

#include <algorithm>
#include <tuple>

#include "broker/core/dispatch.h"
#include "broker/core/queue_verbs.h"
#include "broker/core/rim_verbs.h"
#include "broker/core/settlement.h"
#include "broker/core/topic.h"

namespace tandem::core {
namespace {

// --- begun
// ----------------------------------------------------------------------------------------------------------------

struct Survivor {
  QueueId queue;
  QueueEntry entry;
};

bool before(const Survivor& a, const Survivor& b) {
  return std::tie(a.queue, a.entry.priority, a.entry.seq) < std::tie(b.queue, b.entry.priority, b.entry.seq);
}

void add_if_in_journal(QueueId queue, const QueueEntry& entry, std::vector<Survivor>& out) {
  if (!is_homed(entry.body)) out.push_back({queue, entry});
}

/// Those that are ready; in order as they come.
void add_ready(const Queue& queue, std::vector<Survivor>& out) {
  for (const Lane& lane : queue.life.lanes)
    lane.for_each_resident(
        [&](const QueueEntry& entry) { add_if_in_journal(queue.declared.id, entry, out); });
}

/// Those that were handed out or are leaving; in any order.
void add_taken_out(const State& state, const Session& session, std::vector<Survivor>& out) {
  state.queues.all().for_each([&out](const Queue& queue) {
    for (const auto& [seq, leaving] : queue.life.leaving)
      add_if_in_journal(queue.declared.id, leaving.entry, out);
  });
  for_each_unsettled(session, [&](const UnsettledRing&, const Unsettled& delivery) {
    if (state.queues.find(delivery.queue)) add_if_in_journal(delivery.queue, delivery.entry, out);
  });
}

/// In exact memory: these are all messages of the last stretch of the journal, and they stay until the checkpoint ends.
void group_survivors(const std::vector<Survivor>& survivors, CheckpointState& out) {
  for (auto first = survivors.begin(); first != survivors.end();) {
    const auto end = std::find_if(first, survivors.end(), [first](const Survivor& other) {
      return other.queue != first->queue || other.entry.priority != first->entry.priority;
    });
    Survivors& group = out.survivors.emplace_back(Survivors{first->queue, first->entry.priority, {}});
    group.entries.reserve(static_cast<std::size_t>(end - first));
    for (; first != end; ++first) group.entries.push_back(first->entry);
  }
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
  std::vector<Survivor> survivors;
  state.queues.for_each([&](Queue& queue) {
    add_ready(queue, survivors);
    if (!queue.is_durable() || !queue.facts.dirty) return;
    out.states.push_back(state_of(queue));
    queue.facts.durable_end = queue.facts.next_seq;
    queue.facts.dirty = false;
  });
  const auto ready_count = static_cast<std::ptrdiff_t>(survivors.size());
  add_taken_out(state, session, survivors);
  std::sort(survivors.begin() + ready_count, survivors.end(), before);
  std::inplace_merge(survivors.begin(), survivors.begin() + ready_count, survivors.end(), before);
  group_survivors(survivors, out);
  checkpoint_topics(state, out);
}

void apply_homes(State& state, Session& session, Turn& turn, const CheckpointDone& done) {
  std::vector<TakenOut> taken = find_taken_out(state, session);
  for (const RunStored& run : done.runs) apply_run(turn, state.queues.change(run.queue), run, taken);
  drop_homed(state, turn);
}

/// What is due in this call is done before: its records lie in the journal before the checkpoint's cut, so a restart would
/// not see them again if the state did not have them. What calls had still to settle is done, too: an orderly stop takes the last
/// one, and a message that comes back must have come back by then.
void handle(Turn& turn, const CheckpointBegun&) {
  finish_settling(turn);
  finish_call(turn);
  CheckpointState state;
  turn.checkpoint(state);
  turn.say_now(std::move(state));
}

void handle(Turn& turn, const CheckpointDone& input) {
  turn.apply_homes(input);
}

}  // namespace tandem::core
