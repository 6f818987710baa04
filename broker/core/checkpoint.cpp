#include "broker/core/checkpoint.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <tuple>
#include <utility>

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

bool before(const Taken& a, const Taken& b) {
  return std::tie(a.queue, a.entry.priority, a.entry.seq) < std::tie(b.queue, b.entry.priority, b.entry.seq);
}

void add_survivors(const Queue& queue, std::uint8_t priority, CheckpointState& out) {
  const Lane& lane = queue.life.lanes[priority];
  Survivors survivors{queue.declared.id, priority, {}};
  if (lane.is_long())
    lane.lend(survivors.lent);
  else
    lane.for_each_resident([&survivors](const QueueEntry& entry) {
      if (!is_homed(entry.body)) survivors.entries.push_back(entry);
    });
  if (!survivors.lent.empty() || !survivors.entries.empty()) out.survivors.push_back(std::move(survivors));
}

void forget_left_early(QueueLife& life) {
  if (life.left_early.empty()) return;
  QueueSeq first = ~QueueSeq{0};
  for (const Lane& lane : life.lanes) first = std::min(first, lane.first_that_may_be_cold());
  life.left_early.forget_below(first);
}

void add_taken(const Queue& queue, CheckpointState& out) {
  const QueueId id = queue.declared.id;
  if (queue.life.unsettled > 0) out.queues.push_back(id);
  for (const auto& [seq, leaving] : queue.life.leaving)
    if (!is_homed(leaving.entry.body)) out.leaving.push_back({id, leaving.entry});
}

// --- gathered, by the checkpoint's thread
// ---------------------------------------------------------------------------------------------

/// By queue, priority and seq.
std::vector<Taken> gather_taken(CheckpointState& state) {
  std::vector<Taken> taken = std::exchange(state.leaving, {});
  QueueId known;
  for (const auto& part : state.unsettled)
    for (std::size_t i = 0; i < part.size(); ++i) {
      const Unsettled& delivery = part[i];
      if (!delivery.holds() || is_homed(delivery.entry.body)) continue;
      if (delivery.queue != known && !std::binary_search(state.queues.begin(), state.queues.end(), delivery.queue)) continue;
      known = delivery.queue;
      taken.push_back({known, delivery.entry});
    }
  state.unsettled = {};
  state.queues = {};
  if (!std::is_sorted(taken.begin(), taken.end(), before)) std::sort(taken.begin(), taken.end(), before);
  return taken;
}

/// In exact memory: these may be all messages of the last stretch of the journal, and they stay until the checkpoint ends.
void gather_entries(Survivors& survivors, std::span<const Taken> taken) {
  if (taken.empty() && survivors.lent.empty()) return;
  const auto for_each_lent = [&survivors](auto visit) {
    for (const auto& part : survivors.lent)
      for (std::size_t i = 0; i < part.size(); ++i)
        if (!is_homed(part[i].body)) visit(part[i]);
  };
  std::size_t count = taken.size() + survivors.entries.size();
  for_each_lent([&count](const QueueEntry&) { ++count; });
  std::vector<QueueEntry> all;
  all.reserve(count);
  for (const Taken& one : taken) all.push_back(one.entry);
  all.insert(all.end(), survivors.entries.begin(), survivors.entries.end());
  for_each_lent([&all](const QueueEntry& entry) { all.push_back(entry); });
  // What was handed out is mostly older than what waits.
  const auto seq_before = [](const QueueEntry& a, const QueueEntry& b) { return a.seq < b.seq; };
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(taken.size());
  if (middle != all.begin() && middle != all.end() && !seq_before(*std::prev(middle), *middle))
    std::inplace_merge(all.begin(), middle, all.end(), seq_before);
  survivors.entries = std::move(all);
  survivors.lent = {};
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
  const auto may_be_in = [&](QueueId queue, const QueueEntry& entry) {
    if (is_homed(entry.body)) return false;
    if (of == told.end() || of->queue != queue) {
      of = std::lower_bound(told.begin(), told.end(), queue, [](const Told& one, QueueId wanted) { return one.queue < wanted; });
      if (of == told.end() || of->queue != queue) return false;
    }
    return entry.seq >= of->first && entry.seq <= of->last;
  };
  for (const Told& one : told)
    if (Queue* queue = state.queues.change(one.queue))
      for (auto& [seq, leaving] : queue->life.leaving)
        if (may_be_in(one.queue, leaving.entry)) taken.push_back({one.queue, seq, &leaving.entry});
  for_each_ring(session, [&](UnsettledRing& ring) {
    for (std::size_t place = ring.first_unhomed(); place < ring.size(); ++place)
      if (const Unsettled& delivery = ring[place]; delivery.holds() && may_be_in(delivery.queue, delivery.entry))
        taken.push_back({delivery.queue, delivery.entry.seq, &ring.change(place).entry});
  });
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

/// When there is too much in RAM, half of what may be there remains: queues are looked at for it, a run at a time, in this and the
/// next calls (QueueVisit). All at once, of more than 500,000, took 1.4 to 1.5 ms.
void ask_to_drop_homed(State& state, Turn& turn) {
  std::size_t resident = 0;
  state.queues.for_each([&resident](const Queue& queue) { resident += queue.life.resident(); });
  const std::size_t resident_max = turn.options().resident_entries_max;
  turn.pending().entries_to_drop = resident > resident_max ? resident - resident_max / 2 : 0;
  if (turn.pending().entries_to_drop == 0) return;
  const std::size_t kept = turn.front_entries();
  state.queues.for_each([kept, &turn](const Queue& queue) {
    if (queue.life.resident() > kept) turn.mark(queue.declared.id);
  });
}

}  // namespace

void CheckpointState::gather() {
  const std::vector<Taken> taken = gather_taken(*this);
  std::vector<Survivors> gathered;
  auto own = survivors.begin();
  const auto add_own_before = [&](QueueId queue, std::uint8_t priority) {
    while (own != survivors.end() && std::tie(own->queue, own->priority) < std::tie(queue, priority)) {
      gather_entries(*own, {});
      gathered.push_back(std::move(*own++));
    }
  };
  for (auto from = taken.begin(); from != taken.end();) {
    const auto [queue, priority] = std::tie(from->queue, from->entry.priority);
    const auto to = std::find_if(from, taken.end(), [queue = queue, priority = priority](const Taken& one) {
      return one.queue != queue || one.entry.priority != priority;
    });
    add_own_before(queue, priority);
    const bool has_own = own != survivors.end() && own->queue == queue && own->priority == priority;
    gathered.push_back(has_own ? std::move(*own++) : Survivors{queue, priority, {}});
    gather_entries(gathered.back(), {from, to});
    from = to;
  }
  for (; own != survivors.end(); ++own) {
    gather_entries(*own, {});
    gathered.push_back(std::move(*own));
  }
  survivors = std::move(gathered);
}

void checkpoint(State& state, const Session& session, CheckpointState& out) {
  out.turn = state.counters.turn;
  out.states.push_back(state.counters);
  for_each_ring(session, [&out](UnsettledRing& ring) { ring.lend(out.unsettled); });
  state.queues.for_each([&](Queue& queue) {
    forget_left_early(queue.life);
    add_taken(queue, out);
    for (std::size_t priority = 0; priority < queue.life.lanes.size(); ++priority)
      add_survivors(queue, static_cast<std::uint8_t>(priority), out);
    if (!queue.is_durable() || !queue.facts.dirty) return;
    out.states.push_back(state_of(queue));
    queue.facts.durable_end = queue.facts.next_seq;
    queue.facts.dirty = false;
  });
  checkpoint_topics(state, out);
}

void apply_homes(State& state, Session& session, Turn& turn, const CheckpointDone& done) {
  std::vector<TakenOut> taken = find_taken_out(state, session, told_of(done.runs));
  for (const RunStored& run : done.runs) apply_run(turn, state.queues.change(run.queue), run, taken);
  if (!done.is_last) return;
  for_each_ring(session, [](UnsettledRing& ring) { ring.checkpoint_done(); });
  ask_to_drop_homed(state, turn);
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
