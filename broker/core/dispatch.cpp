#include "broker/core/dispatch.h"

#include <algorithm>

#include "broker/core/queue_visit.h"
#include "broker/core/settlement.h"
#include "broker/core/subscription.h"
#include "broker/core/topic_verbs.h"

namespace tandem::core {
namespace {

void show(Turn& turn, QueueId id, QueueLife& life, QueueSeq end, QueueSeq through) {
  life.fresh_from = std::min(life.fresh_from, life.visible_end);
  life.visible_end = std::max(life.visible_end, end);
  life.deliverable_through = std::max(life.deliverable_through, through);
  turn.mark(id);
}

/// A call without a durable record has nothing to wait for; but what is ahead in the queue may have.
void show_volatile(Turn& turn) {
  if (turn.number() != 0) return;
  std::erase_if(turn.pending().touched, [&turn](QueueId id) {
    QueueLife* life = turn.life(id);
    if (!life) return true;
    if (life->visibility_pending > 0) return false;
    life->touched = false;
    const QueueFacts& facts = turn.state().queues.find(id)->facts;
    show(turn, id, *life, facts.next_seq, facts.delivered_through);
    return true;
  });
}

void look_at(Turn& turn, Mark kind) {
  const auto mark_of = [&turn](QueueId id) {
    QueueLife* life = turn.life(id);
    return life ? &life->mark : nullptr;
  };
  while (turn.pending().deliveries_left > 0) {
    const QueueId id = turn.pending().marked.take(kind, mark_of);
    if (!id) return;
    if (!QueueVisit(turn, id).run()) turn.mark(id);
  }
}

/// However much is delivered, what is over or too much goes too: it has a quarter of what a call may do.
void look_at_marked(Turn& turn) {
  Pending& pending = turn.pending();
  const bool has_both = pending.marked.has_unawaited() && pending.deliveries_left > 1;
  const std::uint32_t share = has_both ? std::max<std::uint32_t>(1, pending.deliveries_left / 4) : 0;
  pending.deliveries_left -= share;
  look_at(turn, Mark::awaited);
  pending.deliveries_left += share;
  look_at(turn, Mark::unawaited);
}

/// What was added in this call is seen once the call's turn is on disk, and not before what is ahead of it.
void show_later(Turn& turn) {
  Pending& pending = turn.pending();
  const TurnNumber number = turn.number() ? turn.number() : turn.state().counters.turn;
  for (const QueueId id : pending.touched) {
    QueueLife* life = turn.life(id);
    if (!life) continue;
    life->touched = false;
    ++life->visibility_pending;
    const QueueFacts& facts = turn.state().queues.find(id)->facts;
    pending.queues.push_back({number, id, facts.next_seq, facts.delivered_through});
  }
  pending.touched.clear();
}

void say_dropped_runs(Turn& turn) {
  for (const DropRun& run : turn.pending().drop_runs) turn.say_now(run);
  turn.pending().drop_runs.clear();
}

void show_partitions(Turn& turn) {
  auto& waiting = turn.pending().partitions;
  const TurnNumber persisted = turn.pending().persisted();
  std::vector<std::pair<PartitionId, Offset>> visible;
  while (!waiting.empty() && waiting.front().turn <= persisted) {
    const PartitionVisible next = waiting.pop_front();
    visible.emplace_back(next.partition, next.end);
  }
  std::sort(visible.begin(), visible.end());
  for (std::size_t i = 0; i < visible.size(); ++i) {
    const bool is_last_of_partition = i + 1 == visible.size() || visible[i + 1].first != visible[i].first;
    if (is_last_of_partition) partition_visible(turn, visible[i].first, visible[i].second);
  }
}

}  // namespace

void finish_call(Turn& turn) {
  say_dropped_runs(turn);
  go_on_settling(turn);
  show_volatile(turn);
  start_consumers(turn);
  look_at_marked(turn);
  start_consumers(turn);
  look_at_marked(turn);
  show_later(turn);
}

void show_persisted(Turn& turn) {
  Pending& pending = turn.pending();
  while (!pending.queues.empty() && pending.queues.front().turn <= pending.persisted()) {
    const QueueVisible next = pending.queues.pop_front();
    QueueLife* life = turn.life(next.queue);
    if (!life) continue;
    --life->visibility_pending;
    show(turn, next.queue, *life, next.end, next.through);
  }
  show_partitions(turn);
}

}  // namespace tandem::core
