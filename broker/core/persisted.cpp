#include <algorithm>

#include "broker/core/dispatch.h"
#include "broker/core/group_verbs.h"
#include "broker/core/queue_verbs.h"
#include "broker/core/rim_verbs.h"
#include "broker/core/topic_verbs.h"

namespace tandem::core {

/// Answers first: a publisher's confirm waits for nothing but the disk.
void handle(Turn& turn, const Persisted& input) {
  Pending& pending = turn.pending();
  const TurnNumber issued = turn.state().counters.turn;
  pending.set_persisted(std::max(pending.persisted(), std::min(input.turn, issued)));
  turn.say_due_answers();
  show_persisted(turn);
}

namespace {

bool is_unused_too_long(Turn& turn, const Queue& queue) {
  return queue.options.expires_after && turn.session().consumers.count(queue.declared.id) == 0 &&
         queue.life.unused_since + queue.options.expires_after <= turn.now();
}

void tick_queues(Turn& turn) {
  Deadlines& timers = turn.session().queue_timers;
  while (const auto due = timers.first_due(turn.now())) {
    timers.clear(*due);
    const QueueId id(static_cast<std::uint32_t>(*due));
    const Queue* queue = turn.state().queues.find(id);
    if (!queue) continue;
    turn.life(id)->timer_at = never;
    turn.mark(id);
    if (is_unused_too_long(turn, *queue)) delete_queue(turn, id);
  }
}

}  // namespace

void handle(Turn& turn, const Tick&) {
  tick_queues(turn);
  tick_topics(turn);
  tick_groups(turn);
}

void handle(Turn& turn, const ResourceAlarm& input) {
  bool& alarm = input.resource == Resource::disk ? turn.session().disk_alarm : turn.session().memory_alarm;
  if (alarm == input.on) return;
  alarm = input.on;
  turn.say_now(HoldPublishers{input.on, input.resource});
}

}  // namespace tandem::core
