#include "broker/core/queue.h"

#include <algorithm>

#include "broker/base/check.h"

namespace tandem::core {

Lane* QueueLife::next_lane() {
  for (auto lane = lanes.rbegin(); lane != lanes.rend(); ++lane) {
    if (lane->front_is_cold()) return nullptr;  // it comes first; its run is being read
    const QueueEntry* front = lane->front();
    if (front && front->seq < visible_end) return &*lane;
  }
  return nullptr;
}

void QueueLife::enqueue(const QueueEntry& entry) {
  lane(entry.priority).push_back(entry);
  ++ready;
  ready_bytes += entry.size_bytes;
}

QueueEntry QueueLife::take(Lane& lane) {
  const QueueEntry entry = lane.pop_front();
  --ready;
  ready_bytes -= std::min<std::uint64_t>(ready_bytes, entry.size_bytes);
  return entry;
}

std::optional<QueueEntry> QueueLife::take_held(QueueSeq seq) {
  for (Lane& lane : lanes)
    if (const auto entry = lane.take_held(seq)) {
      --ready;
      ready_bytes -= std::min<std::uint64_t>(ready_bytes, entry->size_bytes);
      return entry;
    }
  return std::nullopt;
}

void QueueLife::take_newest(std::uint8_t priority) {
  const QueueEntry entry = lane(priority).pop_back();
  left_early.add(entry.seq);
  --ready;
  ready_bytes -= std::min<std::uint64_t>(ready_bytes, entry.size_bytes);
}

void QueueLife::put_back(const QueueEntry& entry) {
  lane(entry.priority).put_back(entry);
  ++ready;
  ready_bytes += entry.size_bytes;
}

void QueueLife::release(const QueueEntry& entry, std::vector<RunId>& emptied) {
  if (!is_homed(entry.body)) return;
  Lane& home = lane(entry.priority);
  Run* run = home.find_run(entry.seq);
  if (!run || run->alive == 0 || --run->alive > 0) return;
  emptied.push_back(run->id);
  const RunId id = run->id;
  if (home.runs().front().id == id)
    home.runs().pop_front();
  else
    home.runs().keep_if([id](const Run& other) { return other.id != id; });
}

std::size_t QueueLife::resident() const {
  std::size_t count = 0;
  for (const Lane& lane : lanes) count += lane.resident();
  return count;
}

void Queues::put(const QueueDeclared& declared) {
  auto queue = std::make_unique<Queue>();
  queue->declared = declared;
  const auto refusal = read_queue_options(declared.name, declared.arguments, queue->options);
  CHECK(!refusal);
  queues_.put(declared.id, std::move(queue));
}

namespace {

/// Returns the size of what is cold now.
std::uint64_t wake_runs(Queue& queue, Lane& lane, bool one_lane, std::vector<RunId>& emptied) {
  const auto& gone = queue.facts.gone;
  const auto alive = [&gone, one_lane](const Run& run) -> std::uint64_t {
    const std::uint64_t present = run.last - run.first + 1 - gone.count(run.first, run.last);
    return one_lane ? present : std::min<std::uint64_t>(present, run.count);
  };
  lane.runs().keep_if([&](Run& run) {
    run.alive = static_cast<std::uint16_t>(std::min<std::uint64_t>(alive(run), 0xFFFF));
    if (run.alive == 0) emptied.push_back(run.id);
    return run.alive > 0;
  });
  std::uint64_t cold_bytes = 0;
  for (std::size_t i = 0; i < lane.runs().size(); ++i) {
    const Run& run = lane.runs()[i];
    const std::uint64_t size = run.count ? std::uint64_t{run.size_bytes} * run.alive / run.count : 0;
    lane.push_cold(run, static_cast<std::uint32_t>(size));
    cold_bytes += size;
  }
  return cold_bytes;
}

void wake_tail(Queue& queue, Lane& lane, bool clean) {
  QueueLife& life = queue.life;
  lane.keep_tail_if([&](QueueEntry& entry) {
    if (queue.facts.gone.contains(entry.seq)) return false;
    if (!clean && entry.seq <= queue.facts.delivered_through && entry.deliveries < 0xFFFF) ++entry.deliveries;
    ++life.ready;
    life.ready_bytes += entry.size_bytes;
    return true;
  });
}

/// Seqs that no record tells of were volatile messages; they are gone, and the arithmetic on `gone` may rely
/// on it.
void add_volatile_to_gone(Queue& queue, QueueSeq homed_end) {
  std::vector<QueueSeq> present;
  for (const Lane& lane : queue.life.lanes)
    lane.for_each_resident([&present](const QueueEntry& entry) { present.push_back(entry.seq); });
  std::sort(present.begin(), present.end());
  QueueSeq next = homed_end;
  for (const QueueSeq seq : present) {
    if (seq > next) queue.facts.gone.add(next, seq - 1);
    next = std::max(next, seq + 1);
  }
  if (queue.facts.next_seq > next) queue.facts.gone.add(next, queue.facts.next_seq - 1);
}

/// Homed messages that are left, over all lanes: every seq below the end of the runs is one of them or gone.
std::uint64_t count_cold(const Queue& queue, QueueSeq homed_end) {
  const QueueSeq head = queue.facts.gone.head();
  if (homed_end <= head) return 0;
  std::uint64_t resident_below = 0;
  for (const Lane& lane : queue.life.lanes)
    lane.for_each_resident([&](const QueueEntry& entry) { resident_below += entry.seq < homed_end; });
  return homed_end - head - queue.facts.gone.count(head, homed_end - 1) - resident_below;
}

}  // namespace

void drop_gone(Queue& queue) {
  for (Lane& lane : queue.life.lanes) lane.drop_below(queue.facts.gone.head());
}

void wake_up(Queue& queue, TimestampMs now, bool clean, std::vector<RunId>& emptied) {
  QueueFacts& facts = queue.facts;
  QueueLife& life = queue.life;
  if (!clean) {
    facts.deliveries.raise_through(facts.delivered_through);
    facts.dirty |= facts.unclean_through != facts.delivered_through;
    facts.unclean_through = facts.delivered_through;
  }
  life.ready = life.ready_bytes = 0;
  QueueSeq homed_end = 0;
  for (const Lane& lane : life.lanes)
    if (!lane.runs().empty()) homed_end = std::max(homed_end, lane.runs().back().last + 1);
  for (Lane& lane : life.lanes) wake_tail(queue, lane, clean);
  add_volatile_to_gone(queue, std::max(homed_end, facts.gone.head()));
  for (Lane& lane : life.lanes) life.cold_bytes += wake_runs(queue, lane, life.lanes.size() == 1, emptied);
  life.cold = count_cold(queue, homed_end);
  life.ready += life.cold;
  life.ready_bytes += life.cold_bytes;
  life.visible_end = facts.next_seq;
  life.deliverable_through = facts.delivered_through;
  life.unused_since = now;
}

std::uint16_t deliveries_of(const QueueFacts& facts, const QueueEntry& entry, bool from_restart) {
  if (const std::uint16_t count = facts.deliveries.at(entry.seq)) return count;
  if (from_restart && entry.seq <= facts.unclean_through) return std::max<std::uint16_t>(entry.deliveries, 1);
  return entry.deliveries;
}

QueueState state_of(const Queue& queue) {
  const QueueFacts& facts = queue.facts;
  QueueState state;
  state.queue = queue.declared.id;
  state.next_seq = facts.next_seq;
  state.head = facts.gone.head();
  state.gone = facts.gone.ranges();
  state.delivered_through = facts.delivered_through;
  state.deliveries = facts.deliveries.all();
  state.unclean_through = facts.unclean_through;
  return state;
}

QueueState durable_state_of(const Queue& queue) {
  QueueState state = state_of(queue);
  state.next_seq = queue.facts.durable_end;
  state.head = std::min(state.head, state.next_seq);
  std::erase_if(state.gone, [&state](const SeqRange& range) { return range.first >= state.next_seq; });
  if (!state.gone.empty()) state.gone.back().last = std::min(state.gone.back().last, state.next_seq - 1);
  return state;
}

}  // namespace tandem::core
