#include <algorithm>
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

void settle(Turn& turn, Channel& channel, const std::vector<std::size_t>& places, Outcome outcome) {
  // The room is reused; it is taken for the time, since what is done below may settle too.
  std::vector<Unsettled> taken = std::exchange(turn.session().settled_room, {});
  taken.clear();
  take_out(turn, channel, places, taken);
  if (outcome == Outcome::ack) turn.session().acked += taken.size();
  const auto before = [](const Unsettled& a, const Unsettled& b) {
    return std::tie(a.queue, a.entry.seq) < std::tie(b.queue, b.entry.seq);
  };
  if (!std::is_sorted(taken.begin(), taken.end(), before)) std::sort(taken.begin(), taken.end(), before);
  for (auto from = taken.begin(); from != taken.end();) {
    const auto to =
        std::find_if(from, taken.end(), [from](const Unsettled& one) { return one.queue != from->queue; });
    if (const Queue* queue = turn.state().queues.find(from->queue))
      settle_in_queue(turn, *queue, {from, to}, outcome);
    from = to;
  }
  turn.session().settled_room = std::move(taken);
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
  settle(turn, channel, places, input.outcome);
  if (input.confirm) turn.answer(input.who, Ok{input.who});
}

void handle(Turn& turn, const Recover& input) {
  Channel& channel = turn.session().connections.find_or_open(input.who.channel);
  std::vector<std::size_t> places;
  if (auto refusal = find_deliveries(channel, 0, 0, true, places)) return turn.refuse(input.who, *refusal);
  std::erase_if(places, [&](std::size_t place) {
    const DeliveryTag tag = channel.unsettled[place].tag;
    return tag <= input.claimed_through || std::binary_search(input.claimed.begin(), input.claimed.end(), tag);
  });
  if (!places.empty()) settle(turn, channel, places, Outcome::requeue);
  turn.answer(input.who, Ok{input.who});
}

}  // namespace tandem::core
