#include "broker/core/checkpoint.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "broker/core/rim_verbs.h"
#include "broker/core/topic.h"

namespace tandem::core {
namespace {

// --- begun
// ----------------------------------------------------------------------------------------------------------------

struct Survivor {
  QueueId queue;
  QueueEntry entry;
};

void add_survivors(const Queue& queue, std::vector<Survivor>& out) {
  const auto add = [&](const QueueEntry& entry) {
    if (!is_homed(entry.body)) out.push_back({queue.declared.id, entry});
  };
  for (const Lane& lane : queue.life.lanes) lane.for_each_resident(add);
  for (const auto& [seq, leaving] : queue.life.leaving) add(leaving.entry);
}

void add_unsettled(const State& state, const Session& session, std::vector<Survivor>& out) {
  for (const Connection* connection : session.connections.all())
    for (const auto& channel : connection->channels)
      for (std::size_t i = 0; i < channel->unsettled.size(); ++i) {
        const Unsettled& delivery = channel->unsettled[i];
        if (!delivery.settled && !is_homed(delivery.entry.body) && state.queues.find(delivery.queue))
          out.push_back({delivery.queue, delivery.entry});
      }
}

void group_survivors(std::vector<Survivor>& survivors, CheckpointState& out) {
  const auto before = [](const Survivor& a, const Survivor& b) {
    return std::tie(a.queue, a.entry.priority, a.entry.seq) <
           std::tie(b.queue, b.entry.priority, b.entry.seq);
  };
  std::sort(survivors.begin(), survivors.end(), before);
  for (const Survivor& survivor : survivors) {
    const bool is_next = out.survivors.empty() || out.survivors.back().queue != survivor.queue ||
                         out.survivors.back().priority != survivor.entry.priority;
    if (is_next) out.survivors.push_back({survivor.queue, survivor.entry.priority, {}});
    out.survivors.back().entries.push_back(survivor.entry);
  }
}

// --- done
// -----------------------------------------------------------------------------------------------------------------

/// What was out of its lane when the checkpoint finished: by queue and seq.
using TakenOut = std::map<std::pair<QueueId, QueueSeq>, QueueEntry*>;

TakenOut find_taken_out(State& state, const Session& session) {
  TakenOut taken;
  for (const Connection* connection : session.connections.all())
    for (const auto& channel : connection->channels)
      for (std::size_t i = 0; i < channel->unsettled.size(); ++i) {
        Unsettled& delivery = channel->unsettled[i];
        if (!delivery.settled && !is_homed(delivery.entry.body))
          taken[{delivery.queue, delivery.entry.seq}] = &delivery.entry;
      }
  state.queues.for_each([&taken](Queue& queue) {
    for (auto& [seq, leaving] : queue.life.leaving) taken[{queue.declared.id, seq}] = &leaving.entry;
  });
  return taken;
}

/// How many of the run's messages are still in the queue.
std::uint32_t count_alive(Lane& lane, const RunStored& run, const TakenOut& taken) {
  std::uint32_t alive = 0;
  for (const auto& [seq, body] : run.moved) alive += lane.find(seq) || taken.contains({run.queue, seq});
  return alive;
}

void move_taken_out(const RunStored& run, const TakenOut& taken) {
  auto it = taken.lower_bound({run.queue, run.first});
  auto next = run.moved.begin();
  for (; it != taken.end() && it->first.first == run.queue && it->first.second <= run.last; ++it) {
    next = std::lower_bound(next, run.moved.end(), it->first.second,
                            [](const auto& moved, QueueSeq seq) { return moved.first < seq; });
    if (next != run.moved.end() && next->first == it->first.second) it->second->body = next->second;
  }
}

void apply_run(Turn& turn, Queue* queue, const RunStored& run, const TakenOut& taken) {
  Lane* lane = queue ? &queue->life.lane(run.priority) : nullptr;
  const std::uint32_t alive = lane ? count_alive(*lane, run, taken) : 0;
  if (alive == 0) return turn.say_now(DropRun{run.queue, run.run});
  lane->runs().push_back({run.run, run.first, run.last, run.count, alive, run.size_bytes});
  lane->move_bodies(run.moved);
  move_taken_out(run, taken);
}

/// Keeps the front of every queue; the rest of what has a home leaves RAM while there is too much.
void drop_homed(State& state, const BrokerOptions& options) {
  std::size_t resident = 0;
  state.queues.for_each([&resident](const Queue& queue) { resident += queue.life.resident(); });
  if (resident <= options.resident_entries_max) return;
  state.queues.for_each([&options](Queue& queue) {
    QueueLife& life = queue.life;
    for (Lane& lane : life.lanes) {
      const std::size_t spans_before = lane.cold().size();
      life.cold += lane.drop_homed(options.front_entries_min);
      for (std::size_t i = spans_before; i < lane.cold().size(); ++i)
        life.cold_bytes += lane.cold()[i].size_bytes;
    }
  });
}

}  // namespace

void checkpoint(State& state, const Session& session, CheckpointState& out) {
  out.turn = state.counters.turn;
  out.states.push_back(state.counters);
  std::vector<Survivor> survivors;
  state.queues.for_each([&](Queue& queue) {
    add_survivors(queue, survivors);
    if (!queue.is_durable() || !queue.facts.dirty) return;
    out.states.push_back(state_of(queue));
    queue.facts.durable_end = queue.facts.next_seq;
    queue.facts.dirty = false;
  });
  add_unsettled(state, session, survivors);
  group_survivors(survivors, out);
  checkpoint_topics(state, out);
}

void apply_homes(State& state, Session& session, Turn& turn, const CheckpointDone& done) {
  const TakenOut taken = find_taken_out(state, session);
  for (const RunStored& run : done.runs) apply_run(turn, state.queues.change(run.queue), run, taken);
  drop_homed(state, turn.options());
}

void handle(Turn& turn, const CheckpointBegun&) {
  CheckpointState state;
  turn.checkpoint(state);
  turn.say_now(std::move(state));
}

void handle(Turn& turn, const CheckpointDone& input) {
  turn.apply_homes(input);
}

}  // namespace tandem::core
