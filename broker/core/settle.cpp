#include <algorithm>
#include <limits>
#include <span>
#include <tuple>

#include "broker/core/dead_letter.h"
#include "broker/core/message_verbs.h"
#include "broker/core/returns.h"
#include "broker/core/settlement.h"
#include "broker/core/subscription.h"

namespace tandem::core {
namespace {

Refusal unknown_delivery(DeliveryTag tag) {
  return {ErrorCode::unknown_delivery,
          ObjectKind::message,
          std::to_string(tag),
          "delivery_tag",
          "",
          "",
          "unknown delivery tag " + std::to_string(tag)};
}

/// Takes the deliveries out of the channel; gives consumers their credit back.
void take_out(Turn& turn, Channel& channel, const std::vector<std::size_t>& places,
              std::vector<Unsettled>& taken) {
  for (const std::size_t place : places) {
    Unsettled& delivery = channel.unsettled[place];
    if (!delivery.went_back) taken.push_back(delivery);
    channel.unsettled.settle(delivery);
    Consumer* consumer = delivery.consumer;
    if (!consumer) continue;
    --consumer->unsettled;
    --channel.consumers_unsettled;
    const bool could_not_take = !consumer->in_line || consumer->credit() == 1;
    if (!channel.prefetch && could_not_take) line_up(turn, *consumer);
  }
  channel.unsettled.tidy();
  if (channel.prefetch) line_up_consumers(turn, channel);
}

/// All of one queue, seqs ascending.
void settle_in_queue(Turn& turn, const Queue& queue, std::span<const Unsettled> taken, Outcome outcome) {
  const QueueId id = queue.declared.id;
  QueueLife& life = *turn.life(id);
  Removals removals(turn, id);
  Returns returns(turn, queue, removals);
  for (const Unsettled& one : taken) {
    --life.unsettled;
    life.unsettled_bytes -= one.entry.size_bytes;
    switch (outcome) {
      case Outcome::ack:
        removals.add(one.entry, RemovalReason::acked);
        break;
      case Outcome::requeue:
        returns.add(one.entry);
        break;
      case Outcome::reject:
        discard(turn, queue, one.entry, RemovalReason::rejected, removals);
        break;
    }
  }
  if (outcome == Outcome::requeue) turn.mark(id);
}

/// Calls visit(queue, deliveries) for each queue that is still there, with its part of `taken`, which is by queue and seq.
template <class Visit>
void for_each_queue(const Turn& turn, std::span<const Unsettled> taken, Visit visit) {
  for (auto from = taken.begin(); from != taken.end();) {
    const auto to =
        std::find_if(from, taken.end(), [from](const Unsettled& one) { return one.queue != from->queue; });
    if (const Queue* queue = turn.state().queues.find(from->queue)) visit(*queue, std::span(from, to));
    from = to;
  }
}

void settle_in_queues(Turn& turn, std::span<const Unsettled> taken, Outcome outcome) {
  for_each_queue(turn, taken, [&](const Queue& queue, std::span<const Unsettled> part) {
    settle_in_queue(turn, queue, part, outcome);
  });
}

/// Those that come back do so in the next calls.
void settle_later(Turn& turn, Settling settling) {
  for (Unsettled& delivery : settling.rest()) delivery.consumer = nullptr;  // it may end meanwhile
  if (settling.outcome == Outcome::requeue)
    for_each_queue(turn, settling.rest(), [&turn](const Queue& queue, std::span<const Unsettled> part) {
      turn.life(queue.declared.id)->returning += part.size();
    });
  turn.session().settling.push_back(std::move(settling));
}

void settle_now(Turn& turn, Settling& settling, std::size_t count) {
  const auto part = settling.rest().first(count);
  if (settling.outcome == Outcome::requeue)
    for_each_queue(turn, part, [&turn](const Queue& queue, std::span<const Unsettled> of_queue) {
      turn.life(queue.declared.id)->returning -= of_queue.size();
    });
  settle_in_queues(turn, part, settling.outcome);
  settling.next += count;
}

/// The room is reused; it is taken for the time, since what is done with what is in it may settle too.
std::vector<Unsettled> take_out_in_order(Turn& turn, Channel& channel, const std::vector<std::size_t>& places,
                                         Outcome outcome) {
  std::vector<Unsettled> taken = std::exchange(turn.session().settled_room, {});
  taken.clear();
  take_out(turn, channel, places, taken);
  if (outcome == Outcome::ack) turn.session().acked += taken.size();
  const auto before = [](const Unsettled& a, const Unsettled& b) {
    return std::tie(a.queue, a.entry.seq) < std::tie(b.queue, b.entry.seq);
  };
  if (!std::is_sorted(taken.begin(), taken.end(), before)) std::sort(taken.begin(), taken.end(), before);
  return taken;
}

void answer_settled(Turn& turn, const Settling& done) {
  if (!done.who) return;
  const Channel* channel = turn.session().connections.find(done.who->channel);
  if (!channel || channel->birth != done.channel_birth) return;
  turn.wait_for_earlier_turns();  // the last part may have been of volatile messages
  turn.answer(*done.who, Ok{*done.who});
}

/// Said when all that this call settles is settled for its queues, too.
void answer_when_settled(Turn& turn, const Channel& channel, const Caller& who, bool settled) {
  if (settled) return turn.answer(who, Ok{who});
  Settling& rest = turn.session().settling.back();
  rest.who = who;
  rest.channel_birth = channel.birth;
}

}  // namespace

std::optional<Refusal> find_deliveries(Channel& channel, DeliveryTag first, DeliveryTag last, bool multiple,
                                       std::vector<std::size_t>& places, bool loosely) {
  places.clear();
  UnsettledRing& unsettled = channel.unsettled;
  if (!multiple) {
    if (first > last || last - first >= unsettled.size()) return unknown_delivery(last);
    for (DeliveryTag tag = first; tag <= last; ++tag) {
      if (!unsettled.find(tag)) return unknown_delivery(tag);
      places.push_back(unsettled.index_from(tag));
    }
    return std::nullopt;
  }
  if (!loosely && last != 0 && !unsettled.find(last)) return unknown_delivery(last);
  const std::size_t end = last == 0 ? unsettled.size() : unsettled.index_from(last + 1);
  for (std::size_t place = 0; place < end; ++place)
    if (!unsettled[place].settled) places.push_back(place);
  return std::nullopt;
}

void settle_at_once(Turn& turn, Channel& channel, const std::vector<std::size_t>& places, Outcome outcome) {
  std::vector<Unsettled> taken = take_out_in_order(turn, channel, places, outcome);
  settle_in_queues(turn, taken, outcome);
  turn.session().settled_room = std::move(taken);
}

bool settle(Turn& turn, Channel& channel, const std::vector<std::size_t>& places, Outcome outcome) {
  std::vector<Unsettled> taken = take_out_in_order(turn, channel, places, outcome);
  const std::size_t now = std::min(taken.size(), turn.pending().settles_left);
  turn.pending().settles_left -= now;
  settle_in_queues(turn, std::span(taken).first(now), outcome);
  const bool all = now == taken.size();
  if (all) {
    turn.session().settled_room = std::move(taken);
  } else {
    settle_later(turn, {std::move(taken), now, outcome, std::nullopt, 0});
  }
  return all;
}

void go_on_settling(Turn& turn) {
  Ring<Settling>& settling = turn.session().settling;
  std::size_t& left = turn.pending().settles_left;
  while (left > 0 && !settling.empty()) {
    // Out of the ring for the time: what is done with them may settle too.
    Settling rest = settling.pop_front();
    const std::size_t count = std::min(left, rest.rest().size());
    left -= count;
    settle_now(turn, rest, count);
    if (rest.next == rest.deliveries.size())
      answer_settled(turn, rest);
    else
      settling.push_front(std::move(rest));
  }
}

void finish_settling(Turn& turn) {
  while (!turn.session().settling.empty()) {
    turn.pending().settles_left = std::numeric_limits<std::size_t>::max();
    go_on_settling(turn);
  }
}

void requeue_all(Turn& turn, Channel& channel) {
  std::vector<std::size_t> places;
  const auto refusal = find_deliveries(channel, 0, 0, true, places);
  if (!refusal && !places.empty()) settle(turn, channel, places, Outcome::requeue);
}

void handle(Turn& turn, const Settle& input) {
  Channel& channel = turn.session().connections.find_or_open(input.who.channel);
  std::vector<std::size_t>& places = turn.session().settle_places;
  if (auto refusal = find_deliveries(channel, input.first, input.last, input.multiple, places, input.loosely))
    return turn.refuse(input.who, *refusal);
  const bool settled = settle(turn, channel, places, input.outcome);
  if (input.confirm) answer_when_settled(turn, channel, input.who, settled);
}

void handle(Turn& turn, const Recover& input) {
  Channel& channel = turn.session().connections.find_or_open(input.who.channel);
  std::vector<std::size_t> places;
  if (auto refusal = find_deliveries(channel, 0, 0, true, places)) return turn.refuse(input.who, *refusal);
  std::erase_if(places, [&](std::size_t place) {
    const DeliveryTag tag = channel.unsettled[place].tag;
    return tag <= input.claimed_through || std::binary_search(input.claimed.begin(), input.claimed.end(), tag);
  });
  const bool settled = places.empty() || settle(turn, channel, places, Outcome::requeue);
  answer_when_settled(turn, channel, input.who, settled);
}

}  // namespace tandem::core
