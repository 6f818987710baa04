// Get and Peek wait in their queue's line until the front is in RAM and on disk; mostly that is at once.
#include <algorithm>

#include "broker/core/delayed.h"
#include "broker/core/dispatch.h"
#include "broker/core/message_verbs.h"
#include "broker/core/queue_verbs.h"
#include "broker/core/queue_visit.h"

namespace tandem::core {
namespace {

/// What one Peek shows at most: bounds the answer.
constexpr std::uint32_t peek_entries_max = 1'000;

void park(Turn& turn, const Queue& queue, const ParkedGet& get) {
  const QueueId id = queue.declared.id;
  ++turn.session().connections.find_or_open(get.who.channel).parked_gets;
  turn.session().consumers.find_or_add(id).parked_gets.push_back(get);
  turn.mark(id);
}

Refusal full_of_unsettled(const Turn& turn) {
  const std::string most = std::to_string(turn.options().unsettled_per_connection_max);
  return {ErrorCode::limit_reached, ObjectKind::connection, "", "unsettled_per_connection_max", "", "",
          "a connection holds at most " + most + " messages that are not acked"};
}

/// The Get is answered; what waited behind it on its channel may follow.
void answer_parked(Turn& turn, const Caller& who, Send send) {
  Channel* channel = turn.session().connections.find(who.channel);
  if (!channel || channel->parked_gets == 0) return;
  // Answers of the channel's other Gets come through here in their own time; this one goes before all that
  // came later.
  std::vector<HeldAnswer> behind = std::move(channel->behind_gets);
  channel->behind_gets.clear();
  const std::uint32_t still_parked = std::exchange(channel->parked_gets, 0) - 1;
  turn.answer(who, std::move(send));
  channel->parked_gets = still_parked;
  if (still_parked > 0) {
    channel->behind_gets = std::move(behind);
    return;
  }
  for (HeldAnswer& held : behind) turn.answer_held(*channel, std::move(held));
}

}  // namespace

void handle(Turn& turn, const Get& input) {
  const Queue* queue = find_queue_or_refuse(turn, input.who, input.queue);
  if (!queue) return;
  if (auto refusal = refuse_room(*queue)) return turn.refuse(input.who, std::move(*refusal));
  turn.life(queue->declared.id)->unused_since = turn.now();
  park(turn, *queue, {input.who, input.no_ack, false, 0, 0});
}

void handle(Turn& turn, const Peek& input) {
  const Queue* queue = find_queue_or_refuse(turn, input.who, input.queue);
  if (!queue) return;
  park(turn, *queue, {input.who, true, true, input.skip, std::min(input.count, peek_entries_max)});
}

void answer_get_with_nothing(Turn& turn, const ParkedGet& get) {
  if (get.is_peek)
    answer_parked(turn, get.who, Peeked{get.who, {}});
  else
    answer_parked(turn, get.who, GotNothing{get.who});
}

void QueueVisit::serve_gets() {
  while (!consumers_->parked_gets.empty() && serve(consumers_->parked_gets.front()))
    consumers_->parked_gets.pop_front();
}

/// False when it has to wait.
bool QueueVisit::serve(const ParkedGet& get) {
  if (!turn_.session().connections.find(get.who.channel)) return true;
  Lane* lane = next_live_lane();
  if (!lane) {
    const bool more_may_come = life_.ready > 0;  // cold, not on disk yet, or beyond this call's measure
    if (!more_may_come) answer_get_with_nothing(turn_, get);
    return !more_may_come;
  }
  if (get.is_peek) {
    serve_peek(get);
    return true;
  }
  if (!may_hand_out(*lane->front())) {
    reserve(lane->front()->seq);
    return false;
  }
  if (!get.no_ack && is_full(*turn_.session().connections.find(get.who.channel)->connection))
    answer_parked(turn_, get.who, Refused{get.who, full_of_unsettled(turn_), -1});
  else
    give(get, *lane);
  return true;
}

void QueueVisit::give(const ParkedGet& get, Lane& lane) {
  Channel& channel = *turn_.session().connections.find(get.who.channel);
  const QueueEntry entry = life_.take(lane);
  const DeliveryTag tag = channel.next_tag++;
  if (!get.no_ack) hold(channel, nullptr, entry, tag);
  life_.counts.redelivered += entry.deliveries > 0;
  last_delivered_ = std::max(last_delivered_, entry.seq);
  ++turn_.session().delivered;
  answer_parked(turn_, get.who,
                GotMessage{get.who, tag, entry.body, entry.size_bytes, entry.deliveries, life_.ready,
                           queue_.options.quorum});
  if (get.no_ack) removals_.add(entry, RemovalReason::acked);
}

void QueueVisit::serve_peek(const ParkedGet& peek) {
  Peeked peeked{peek.who, {}};
  std::uint32_t skip = peek.skip;
  for (auto lane = life_.lanes.rbegin(); lane != life_.lanes.rend(); ++lane) {
    lane->for_each_at_front([&](const QueueEntry& entry) {
      if (entry.seq >= life_.visible_end || peeked.entries.size() >= peek.count) return;
      if (skip > 0)
        --skip;
      else
        peeked.entries.push_back(entry);
    });
    if (lane->has_cold()) break;
  }
  answer_parked(turn_, peek.who, std::move(peeked));
}

}  // namespace tandem::core
