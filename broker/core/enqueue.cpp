#include "broker/core/enqueue.h"

#include <algorithm>

#include "broker/core/dead_letter.h"
#include "broker/core/delayed.h"
#include "broker/core/topic_verbs.h"

namespace tandem::core {
namespace {

/// Absolute time at which the message is over; 0 = never. Its own time to live and the queue's: the shorter
/// one counts.
TimestampMs expires_at(const Queue& queue, const MessageView& message, TimestampMs now) {
  std::optional<DurationMs> ttl = queue.options.message_ttl;
  if (!message.properties.expiration.empty())
    if (const auto own = read_expiration(message.properties.expiration))
      ttl = ttl ? std::min(*ttl, *own) : *own;
  return ttl ? std::max<TimestampMs>(now + *ttl, 1) : 0;
}

/// In a waiting room: when the message goes on.
TimestampMs due_at(Turn& turn) {
  return turn.now() + delay_of(turn.session().routing.query.headers()).value_or(0);
}

/// A consumer waits and will take it as soon as it is visible: then that is recorded with it, and needs no
/// turn of its own (docs/ARCHITECTURE.md, "Redelivered").
bool will_be_delivered(Turn& turn, const Queue& queue) {
  const QueueConsumers* consumers = turn.session().consumers.find(queue.declared.id);
  return consumers && consumers->waiting_credit() > queue.life.ready;
}

/// Stands in the queue until its copy is in the dead-letter exchange, but nobody gets it.
void leave_at_once(Turn& turn, const Queue& queue, const QueueEntry& entry) {
  QueueLife& life = *turn.life(queue.declared.id);
  life.take_newest(entry.priority);
  Removals removals(turn, queue.declared.id);
  discard(turn, queue, entry, RemovalReason::dropped, removals);
}

bool put_into_queue(Turn& turn, const Queue& queue, const MessageView& message) {
  const bool is_rejected = rejects(turn, queue, message.size_bytes);
  const bool dies = is_rejected && queue.options.overflow == Overflow::reject_publish_dead_letter &&
                    queue.options.has_dead_letter_exchange;
  if (is_rejected && !dies) return false;
  Enqueued enqueued;
  enqueued.queue = queue.declared.id;
  QueueEntry& entry = enqueued.entry;
  entry.seq = queue.facts.next_seq;
  entry.body = message.body;
  entry.size_bytes = message.size_bytes;
  entry.priority = std::min(message.properties.priority, queue.options.priority_max);
  entry.durable = queue.is_durable() && (message.properties.persistent || queue.options.quorum);
  entry.expires_at = queue.options.waiting_room ? due_at(turn) : expires_at(queue, message, turn.now());
  enqueued.reserved = entry.durable && !dies && will_be_delivered(turn, queue);
  turn.record(enqueued);
  ++turn.life(queue.declared.id)->counts.accepted;
  if (dies) leave_at_once(turn, queue, entry);
  return !dies;
}

}  // namespace

bool rejects(const Turn& turn, const Queue& queue, std::uint32_t size_bytes, std::uint64_t more,
             std::uint64_t more_bytes) {
  const QueueOptions& options = queue.options;
  if (options.overflow == Overflow::drop_head || !options.bounded()) return false;
  const QueueConsumers* consumers = turn.session().consumers.find(queue.declared.id);
  const std::uint64_t about_to_leave = consumers ? consumers->waiting_credit() : 0;
  const std::uint64_t ready = queue.life.ready + more;
  if (ready < about_to_leave) return false;
  return ready - about_to_leave >= options.length_max ||
         queue.life.ready_bytes + more_bytes + size_bytes > options.size_max_bytes;
}

bool put_into(Turn& turn, const std::vector<Match>& destinations, const MessageView& message) {
  bool all_took_it = true;
  for (const Match& match : destinations) {
    if (match.kind == DestinationKind::queue) {
      const Queue* queue = turn.state().queues.find(QueueId(match.destination));
      if (queue) all_took_it &= put_into_queue(turn, *queue, message);
    } else if (turn.state().topics.find(TopicId(match.destination))) {
      const Bound* binding = turn.state().catalog.find_binding(match.binding);
      all_took_it &= append_message(turn, TopicId(match.destination), message,
                                    binding ? &binding->arguments : nullptr);
    }
  }
  return all_took_it;
}

}  // namespace tandem::core
