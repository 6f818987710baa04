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

/// True when it held so much that its consumers got no more, and they may now.
bool makes_room(Turn& turn, Connection& connection, std::size_t settled) {
  connection.unsettled -= settled;
  const std::size_t max = turn.options().unsettled_per_connection_max;
  return connection.unsettled <= max - max / 8 && std::exchange(connection.is_full, false);
}

/// Takes the deliveries out of the ring; gives consumers their credit back. `channel`: nullptr when it is gone.
void take_out(Turn& turn, UnsettledRing& unsettled, Channel* channel, const std::vector<std::size_t>& places,
              std::vector<Unsettled>& taken) {
  const bool is_for_all = channel && makes_room(turn, *channel->connection, places.size());
  for (const std::size_t place : places) {
    const Unsettled& delivery = unsettled[place];
    if (!delivery.went_back) taken.push_back(delivery);
    Consumer* consumer = channel ? delivery.consumer : nullptr;
    unsettled.settle(place);
    if (!consumer) continue;
    --consumer->unsettled;
    if (consumer->is_gone) {
      if (consumer->unsettled == 0) channel->gone_consumers.erase(consumer);
      continue;
    }
    --channel->consumers_unsettled;
    const bool could_not_take = !consumer->in_line || consumer->credit() == 1;
    if (!channel->prefetch && could_not_take) line_up(turn, *consumer);
  }
  unsettled.tidy();
  if (is_for_all)
    line_up_consumers(turn, *channel->connection);
  else if (channel && channel->prefetch)
    line_up_consumers(turn, *channel);
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

/// Places of the ring are settled, with one outcome.
void settle_places(Turn& turn, UnsettledRing& unsettled, Channel* channel, const std::vector<std::size_t>& places,
                   Outcome outcome) {
  // The room is reused; it is taken for the time, since what is done below may settle too.
  std::vector<Unsettled> taken = std::exchange(turn.session().settled_room, {});
  taken.clear();
  take_out(turn, unsettled, channel, places, taken);
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

// --- piece by piece

/// So many of the ring's deliveries from this tag on that are not settled yet, up to `last`.
std::vector<std::size_t>& find_next(Turn& turn, const UnsettledRing& unsettled, DeliveryTag first, DeliveryTag last,
                                    std::size_t count_max) {
  std::vector<std::size_t>& places = turn.session().settle_places;
  places.clear();
  for (std::size_t place = unsettled.index_from(first); place < unsettled.size() && places.size() < count_max; ++place) {
    if (unsettled[place].tag > last) break;
    if (!unsettled[place].settled) places.push_back(place);
  }
  return places;
}

/// Counts what queues wait for, or that it has come: +1 or -1 for each of many deliveries. Neighbours are mostly of one queue.
class ReturningCount {
 public:
  ReturningCount(Turn& turn, int by) : turn_(turn), by_(static_cast<std::uint64_t>(by)) {}
  ~ReturningCount() { put(); }
  ReturningCount(const ReturningCount&) = delete;
  ReturningCount& operator=(const ReturningCount&) = delete;
  void add(const Unsettled& delivery) {
    if (!delivery.holds()) return;
    if (delivery.queue != queue_) put();
    queue_ = delivery.queue;
    count_ += by_;
  }

 private:
  void put() {
    if (count_ == 0) return;
    if (QueueLife* life = turn_.life(queue_)) life->returning += count_;
    count_ = 0;
  }

  Turn& turn_;
  const std::uint64_t by_;
  QueueId queue_;
  std::uint64_t count_ = 0;
};

/// The client's deliveries from `first` to `last` are settled from now on.
void claim(Turn& turn, UnsettledRing& unsettled, const Claim& wanted) {
  if (wanted.outcome == Outcome::requeue) {
    ReturningCount returning(turn, 1);
    const std::size_t end = unsettled.index_from(wanted.last + 1);
    for (std::size_t place = unsettled.index_from(wanted.first); place < end; ++place)
      if (unsettled.is_open(unsettled[place])) returning.add(unsettled[place]);
  }
  unsettled.claim(wanted);
}

/// The ring's next piece: `left` deliveries at most. What was claimed before is settled before, so that all in a claim that are
/// not settled are its own.
void settle_piece(Turn& turn, UnsettledRing& unsettled, Channel* channel, std::size_t& left) {
  Claim& now = unsettled.first_claim();
  const std::vector<std::size_t>& places = find_next(turn, unsettled, now.first, now.last, left);
  const bool is_last = places.size() < left;
  left -= places.size();
  if (!places.empty()) {
    now.first = unsettled[places.back()].tag + 1;
    if (now.outcome == Outcome::requeue) {
      ReturningCount returned(turn, -1);
      for (const std::size_t place : places) returned.add(unsettled[place]);
    }
    settle_places(turn, unsettled, channel, places, now.outcome);
  }
  if (!is_last) return;
  const Claim done = unsettled.end_claim();
  if (!done.who || !channel) return;
  turn.wait_for_earlier_turns();  // the last piece may have been of volatile messages
  turn.answer(*done.who, Ok{*done.who});
}

/// nullptr: it is gone, and so is the channel's ring, which another Settling has.
UnsettledRing* ring_of(const Settling& settling, Channel* channel) {
  if (settling.left_behind) return settling.left_behind.get();
  return channel && channel->birth == settling.channel_birth ? &channel->unsettled : nullptr;
}

/// All in the claim that are the client's; as many as this call may settle, at once.
void settle_many(Turn& turn, Channel& channel, const Claim& wanted) {
  UnsettledRing& unsettled = channel.unsettled;
  const bool is_first = !unsettled.has_claims();
  claim(turn, unsettled, wanted);
  if (is_first) turn.session().settling.push_back({channel.id, channel.birth, nullptr});
  go_on_settling(turn);
}

std::optional<Refusal> judge_tags(const UnsettledRing& unsettled, const Settle& input) {
  if (input.multiple) {
    const bool any_end = input.loosely || input.last == 0;
    return any_end || unsettled.has(input.last) ? std::nullopt : std::optional(unknown_delivery(input.last));
  }
  for (DeliveryTag tag = input.first; tag <= input.last; ++tag)
    if (!unsettled.has(tag)) return unknown_delivery(tag);
  return std::nullopt;
}

/// How many deliveries it may mean.
std::size_t reach_of(const UnsettledRing& unsettled, const Settle& input) {
  if (!input.multiple) return std::min<std::uint64_t>(input.last - input.first, unsettled.size()) + 1;
  return input.last == 0 ? unsettled.size() : unsettled.index_from(input.last + 1);
}

}  // namespace

std::optional<Refusal> find_deliveries(Channel& channel, DeliveryTag first, DeliveryTag last, bool multiple,
                                       std::vector<std::size_t>& places, bool loosely, DeliveryTag above) {
  places.clear();
  UnsettledRing& unsettled = channel.unsettled;
  if (!multiple) {
    if (first > last || last - first >= unsettled.size()) return unknown_delivery(last);
    for (DeliveryTag tag = first; tag <= last; ++tag) {
      if (!unsettled.has(tag)) return unknown_delivery(tag);
      places.push_back(unsettled.index_from(tag));
    }
    return std::nullopt;
  }
  if (!loosely && last != 0 && !unsettled.has(last)) return unknown_delivery(last);
  const std::size_t end = last == 0 ? unsettled.size() : unsettled.index_from(last + 1);
  for (std::size_t place = above == 0 ? 0 : unsettled.index_from(above + 1); place < end; ++place)
    if (unsettled.is_open(unsettled[place])) places.push_back(place);
  return std::nullopt;
}

void settle(Turn& turn, Channel& channel, const std::vector<std::size_t>& places, Outcome outcome) {
  settle_places(turn, channel.unsettled, &channel, places, outcome);
}

void go_on_settling(Turn& turn) {
  Ring<Settling>& settling = turn.session().settling;
  std::size_t& left = turn.pending().settles_left;
  while (left > 0 && !settling.empty()) {
    Channel* channel = turn.session().connections.find(settling.front().channel);
    UnsettledRing* unsettled = ring_of(settling.front(), channel);
    if (settling.front().left_behind) channel = nullptr;
    if (unsettled && unsettled->has_claims()) settle_piece(turn, *unsettled, channel, left);
    if (!unsettled || !unsettled->has_claims()) settling.pop_front();
  }
}

void finish_settling(Turn& turn) {
  turn.pending().settles_left = std::numeric_limits<std::size_t>::max();
  go_on_settling(turn);
  turn.pending().settles_left = 0;
}

void give_back_all(Turn& turn, Channel& channel) {
  UnsettledRing& unsettled = channel.unsettled;
  if (unsettled.size() == 0) return;
  claim(turn, unsettled, {1, channel.next_tag - 1, Outcome::requeue});
  for (auto& [number, consumer] : channel.consumers) consumer->unsettled = 0;
  channel.gone_consumers.clear();
  channel.consumers_unsettled = 0;
  if (makes_room(turn, *channel.connection, unsettled.count())) line_up_consumers(turn, *channel.connection);
  turn.session().settling.push_back({channel.id, channel.birth, std::make_unique<UnsettledRing>(std::move(unsettled))});
  unsettled = {};
  go_on_settling(turn);
}

void handle(Turn& turn, const Settle& input) {
  Channel& channel = turn.session().connections.find_or_open(input.who.channel);
  if (reach_of(channel.unsettled, input) > turn.pending().settles_left && input.first <= input.last) {
    if (auto refusal = judge_tags(channel.unsettled, input)) return turn.refuse(input.who, *refusal);
    return settle_many(turn, channel,
                       {input.multiple ? 1 : input.first, input.last == 0 ? channel.next_tag - 1 : input.last, input.outcome,
                        input.confirm ? std::optional(input.who) : std::nullopt});
  }
  std::vector<std::size_t>& places = turn.session().settle_places;
  if (auto refusal = find_deliveries(channel, input.first, input.last, input.multiple, places, input.loosely))
    return turn.refuse(input.who, *refusal);
  settle(turn, channel, places, input.outcome);
  if (input.confirm) turn.answer(input.who, Ok{input.who});
}

void handle(Turn& turn, const Recover& input) {
  Channel& channel = turn.session().connections.find_or_open(input.who.channel);
  if (channel.unsettled.size() > turn.pending().settles_left && input.claimed_through == 0 && input.claimed.empty())
    return settle_many(turn, channel, {1, channel.next_tag - 1, Outcome::requeue, input.who});
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
