#include "broker/core/queue_visit.h"

#include <algorithm>

#include "broker/core/consumer_timeout.h"
#include "broker/core/dead_letter.h"
#include "broker/core/delayed.h"

namespace tandem::core {

QueueVisit::QueueVisit(Turn& turn, QueueId id)
    : turn_(turn),
      queue_(*turn.state().queues.find(id)),
      life_(*turn.life(id)),
      consumers_(turn.session().consumers.find(id)),
      removals_(turn, id) {}

bool QueueVisit::run() {
  if (life_.returning > 0) return true;  // the last of them marks it again
  if (turn_.pending().entries_to_drop > 0) drop_homed();
  if (queue_.options.waiting_room) return visit_room();
  if (life_.overdue_at <= turn_.now()) return_overdue(turn_, queue_, life_, removals_);
  if (consumers_) {
    serve_gets();
    deliver();
    reserve_ahead();
  }
  for (Lane& lane : life_.lanes) expire(lane);
  drop_overflow();
  removals_.finish();
  const bool is_done = turn_.pending().deliveries_left > 0;
  if (is_done) life_.fresh_from = QueueLife::no_fresh;
  read_ahead();
  set_timer();
  return is_done;
}

// --- deliveries
// ---------------------------------------------------------------------------------------------------------

void QueueVisit::deliver() {
  Pending& pending = turn_.pending();
  while (pending.deliveries_left > 0) {
    Lane* lane = next_live_lane();
    if (!lane) return;
    Consumer* consumer = consumers_->take_next();
    if (!consumer) return;
    if (!may_hand_out(*lane->front())) {
      consumers_->put_at_front(consumer);
      return reserve(lane->front()->seq);
    }
    deliver_one(*consumer, *lane);
    consumers_->put_at_end(consumer);
  }
}

void QueueVisit::deliver_one(Consumer& consumer, Lane& lane) {
  const QueueEntry entry = life_.take(lane);
  Channel& channel = *consumer.channel;
  const DeliveryTag tag = channel.next_tag++;
  channel.last_served = consumer.number;
  if (consumer.no_ack)
    removals_.add(entry, RemovalReason::acked);
  else
    hold(channel, &consumer, entry, tag);
  life_.counts.redelivered += entry.deliveries > 0;
  last_delivered_ = std::max(last_delivered_, entry.seq);
  Pending& pending = turn_.pending();
  --pending.deliveries_left;
  pending.bytes_left -= std::min<std::uint64_t>(pending.bytes_left, entry.size_bytes);
  if (pending.bytes_left == 0) pending.deliveries_left = 0;
  ++turn_.session().delivered;
  turn_.say_now(Deliver{channel.id, consumer.number, tag, entry.body, entry.size_bytes, entry.deliveries,
                        queue_.declared.id, entry.seq, queue_.options.quorum});
}

bool QueueVisit::is_full(const Connection& connection) const {
  return connection.unsettled >= turn_.options().unsettled_per_connection_max;
}

void QueueVisit::hold(Channel& channel, Consumer* consumer, const QueueEntry& entry, DeliveryTag tag) {
  channel.unsettled.push({tag, entry, queue_.declared.id, consumer, turn_.now()});
  if (const DurationMs timeout = timeout_of(queue_, consumer))
    life_.overdue_at = std::min(life_.overdue_at, turn_.now() + timeout);
  ++life_.unsettled;
  life_.unsettled_bytes += entry.size_bytes;
  Connection& connection = *channel.connection;
  ++connection.unsettled;
  connection.is_full = connection.is_full || is_full(connection);
  if (!consumer) return;
  ++consumer->unsettled;
  ++channel.consumers_unsettled;
}

// --- reservations: what may be handed out is on disk as such before it is
// ---------------------------------------------------

bool QueueVisit::may_hand_out(const QueueEntry& entry) const {
  return !entry.durable || entry.seq <= life_.deliverable_through;
}

void QueueVisit::reserve(QueueSeq from) {
  if (from <= queue_.facts.delivered_through) return;  // reserved, and on its way to disk
  // A block is a few times what consumers hold at once: large enough not to stall them, small enough that not
  // much is marked as redelivered without need after a crash.
  constexpr std::uint64_t block_min = 16;
  const std::uint64_t wanted = consumers_ ? consumers_->waiting_credit() * 2 : 0;
  const std::uint64_t block = std::min<std::uint64_t>(std::max(wanted, block_min), turn_.options().reservation_max);
  const QueueSeq through = std::min(from + block - 1, queue_.facts.durable_end - 1);
  turn_.record(DeliveryReserved{queue_.declared.id, through, true});
}

void QueueVisit::reserve_ahead() {
  if (last_delivered_ == 0 || !queue_.is_durable()) return;
  const QueueSeq reserved = queue_.facts.delivered_through;
  const bool runs_low = last_delivered_ + turn_.options().reservation_max / 4 > reserved;
  const bool has_more = reserved + 1 < std::min(queue_.facts.durable_end, life_.visible_end);
  if (runs_low && has_more && consumers_->waiting_credit() > 0) reserve(reserved + 1);
}

// --- messages that nobody gets
// -------------------------------------------------------------------------------------------

bool QueueVisit::is_over(const QueueEntry& entry) const {
  return entry.expires_at != 0 && entry.expires_at <= turn_.now() && entry.seq < life_.visible_end;
}

/// Counts as a delivery: what one call does is bounded.
void QueueVisit::discard_front(Lane& lane, RemovalReason reason) {
  if (turn_.pending().deliveries_left > 0) --turn_.pending().deliveries_left;
  discard(turn_, queue_, life_.take(lane), reason, removals_);
}

void QueueVisit::expire(Lane& lane) {
  while (const QueueEntry* front = lane.front()) {
    if (!is_over(*front) || turn_.pending().deliveries_left == 0) return;
    discard_front(lane, RemovalReason::expired);
  }
}

Lane* QueueVisit::next_live_lane() {
  while (Lane* lane = life_.next_lane()) {
    const QueueEntry& front = *lane->front();
    if (!is_over(front) || front.seq >= life_.fresh_from) return lane;
    if (turn_.pending().deliveries_left == 0) return nullptr;
    discard_front(*lane, RemovalReason::expired);
  }
  return nullptr;
}

bool QueueVisit::is_too_full() const {
  const std::uint64_t ready = life_.ready_visible(queue_.facts);
  return ready > queue_.options.length_max ||
         (ready > 0 && life_.ready_bytes > queue_.options.size_max_bytes);
}

/// Only where that is the policy: a queue that refuses publishers may be too full because messages came back to
/// it, and those were confirmed.
void QueueVisit::drop_overflow() {
  if (!queue_.options.bounded() || queue_.options.overflow != Overflow::drop_head) return;
  auto lane = life_.lanes.begin();  // what has the lowest priority goes first
  while (is_too_full() && lane != life_.lanes.end() && turn_.pending().deliveries_left > 0) {
    const QueueEntry* front = lane->front();
    if (front && front->seq < life_.visible_end)
      discard_front(*lane, RemovalReason::dropped);
    else if (lane->front_is_cold())
      return;
    else
      ++lane;
  }
}

// --- memory, reading ahead and timer
// --------------------------------------------------------------------------------------------

/// Keeps the queue's front. Counts as deliveries, though dropping an entry is far less work.
void QueueVisit::drop_homed() {
  constexpr std::uint64_t as_much_as_a_delivery = 64;
  Pending& pending = turn_.pending();
  const std::size_t kept = turn_.front_entries();
  for (Lane& lane : life_.lanes)
    while (pending.entries_to_drop > 0 && pending.deliveries_left > 0) {
      const Lane::Dropped dropped = lane.drop_homed_run(kept);
      if (dropped.count == 0) break;
      life_.cold += dropped.count;
      life_.cold_bytes += dropped.size_bytes;
      pending.entries_to_drop -= std::min<std::size_t>(pending.entries_to_drop, dropped.count);
      pending.deliveries_left -= static_cast<std::uint32_t>(
          std::min<std::uint64_t>(pending.deliveries_left, 1 + dropped.count / as_much_as_a_delivery));
    }
}

bool QueueVisit::wants_messages() const {
  const bool drops = queue_.options.overflow == Overflow::drop_head;
  if (queue_.options.message_ttl || (drops && is_too_full())) return true;
  return consumers_ && (!consumers_->parked_gets.empty() || consumers_->waiting_credit() > 0);
}

/// Looks at the spans, not at the count of cold messages: after a restart with several priorities a span may turn out
/// to hold nothing, and until it is read it stands before what follows in its lane.
void QueueVisit::read_ahead() {
  const bool has_cold = std::any_of(life_.lanes.begin(), life_.lanes.end(),
                                    [](const Lane& lane) { return lane.has_cold(); });
  if (!has_cold || !wants_messages()) return;
  for (auto lane = life_.lanes.rbegin(); lane != life_.lanes.rend(); ++lane) {
    if (lane->has_cold() && !lane->loading &&
        lane->resident_at_front() < turn_.front_entries()) {
      lane->loading = lane->first_cold().run;
      turn_.say_now(LoadRun{queue_.declared.id, lane->loading, queue_.declared.name});
    }
    if (!lane->empty()) return;
  }
}

bool QueueVisit::visit_room() {
  const bool is_done = RoomVisit(turn_, queue_, life_).run();
  if (is_done && consumers_) serve_gets();
  if (!life_.delays.empty()) set_timer_at(life_.delays.begin()->first);
  return is_done;
}

void QueueVisit::set_timer() {
  if (life_.overdue_at != never) set_timer_at(life_.overdue_at);
  for (const Lane& lane : life_.lanes)
    if (const QueueEntry* front = lane.front(); front && front->expires_at) set_timer_at(front->expires_at);
  if (queue_.options.expires_after && (!consumers_ || consumers_->all().empty()))
    set_timer_at(life_.unused_since + queue_.options.expires_after);
}

void QueueVisit::set_timer_at(TimestampMs at) {
  if (at >= life_.timer_at) return;
  life_.timer_at = at;
  turn_.session().queue_timers.set(queue_.declared.id.value, at);
}

}  // namespace tandem::core
