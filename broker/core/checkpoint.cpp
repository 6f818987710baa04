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

/// `entries` are two ascending parts, the second from `middle` on. What was handed out is mostly older than what waits.
void merge_parts(std::vector<QueueEntry>& entries, std::size_t middle) {
  if (middle == 0 || middle == entries.size() || seq_before(entries[middle - 1], entries[middle])) return;
  std::inplace_merge(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(middle), entries.end(), seq_before);
}

/// Those of one priority of the queue. `next`: the first of `taken` that is not before them; moved behind those that are theirs.
void add_survivors(const Queue& queue, std::uint8_t priority, TakenSurvivors::const_iterator& next,
                   const TakenSurvivors& taken, CheckpointState& out) {
  const auto first_taken = next;
  while (next != taken.end() && next->queue == queue.declared.id && next->entry.priority == priority) ++next;
  const Lane& lane = queue.life.lanes[priority];
  const bool lends = lane.is_long();
  const auto for_each_own = [&lane, lends](auto visit) { lends ? lane.for_each_requeued(visit) : lane.for_each_resident(visit); };
  std::size_t count = static_cast<std::size_t>(next - first_taken);
  for_each_own([&count](const QueueEntry& entry) { count += !is_homed(entry.body); });
  if (count == 0 && !lends) return;
  Survivors& survivors = out.survivors.emplace_back(Survivors{queue.declared.id, priority, {}});
  std::vector<QueueEntry>& entries = survivors.entries;
  entries.reserve(count);
  for (auto it = first_taken; it != next; ++it) entries.push_back(it->entry);
  const std::size_t middle = entries.size();
  for_each_own([&entries](const QueueEntry& entry) {
    if (!is_homed(entry.body)) entries.push_back(entry);
  });
  merge_parts(entries, middle);
  if (lends) lane.lend_rest(survivors.lent);
}

// --- done
// -----------------------------------------------------------------------------------------------------------------

/// A message that was out of its lane when the checkpoint finished.
struct TakenOut {
  QueueId queue;
  QueueSeq seq = 0;
  QueueEntry* entry = nullptr;
};

/// A queue's seqs from the first of its runs to the last.
struct Told {
  QueueId queue;
  QueueSeq first = 0, last = 0;
};

/// By queue.
std::vector<Told> told_of(std::span<const RunStored> runs) {
  std::vector<Told> told;
  for (const RunStored& run : runs) {
    if (told.empty() || told.back().queue != run.queue) {
      CHECK(told.empty() || told.back().queue < run.queue);
      told.push_back({run.queue, run.first, run.last});
    } else {  // of its priorities
      told.back().first = std::min(told.back().first, run.first);
      told.back().last = std::max(told.back().last, run.last);
    }
  }
  return told;
}

/// Those that may be in one of the runs, by queue and seq.
std::vector<TakenOut> find_taken_out(State& state, const Session& session, const std::vector<Told>& told) {
  std::vector<TakenOut> taken;
  auto of = told.begin();  // mostly the last one's
  const auto add = [&](QueueId queue, QueueEntry& entry) {
    if (is_homed(entry.body)) return;
    if (of == told.end() || of->queue != queue) {
      of = std::lower_bound(told.begin(), told.end(), queue, [](const Told& one, QueueId wanted) { return one.queue < wanted; });
      if (of == told.end() || of->queue != queue) return;
    }
    if (entry.seq >= of->first && entry.seq <= of->last) taken.push_back({queue, entry.seq, &entry});
  };
  for (const Told& one : told)
    if (Queue* queue = state.queues.change(one.queue))
      for (auto& [seq, leaving] : queue->life.leaving) add(one.queue, leaving.entry);
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

/// In exact memory: these may be all messages of the last stretch of the journal, and they stay until the checkpoint ends.
void Survivors::gather() {
  const auto for_each_lent = [this](auto visit) {
    for (const auto& part : lent)
      for (std::size_t i = 0; i < part.size(); ++i)
        if (!is_homed(part[i].body)) visit(part[i]);
  };
  const std::size_t middle = entries.size();
  std::size_t count = middle;
  for_each_lent([&count](const QueueEntry&) { ++count; });
  entries.reserve(count);
  for_each_lent([this](const QueueEntry& entry) { entries.push_back(entry); });
  merge_parts(entries, middle);
  lent = {};
}

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
  std::vector<TakenOut> taken = find_taken_out(state, session, told_of(done.runs));
  for (const RunStored& run : done.runs) apply_run(turn, state.queues.change(run.queue), run, taken);
  if (done.is_last) drop_homed(state, turn);
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
