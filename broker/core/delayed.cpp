#include "broker/core/delayed.h"

#include <algorithm>

#include "broker/core/enqueue.h"
#include "broker/core/exchange_verbs.h"
#include "broker/core/message_verbs.h"
#include "broker/core/queue_verbs.h"
#include "broker/core/removals.h"
#include "broker/core/route.h"

namespace tandem::core {

std::optional<DurationMs> delay_of(const Table& headers) {
  const Value* value = find(headers, "x-delay");
  const std::int64_t* delay = value ? value->integer() : nullptr;
  if (!delay || *delay <= 0 || *delay > delay_max_ms) return std::nullopt;
  return *delay;
}

std::optional<Refusal> refuse_room(const Queue& queue) {
  if (!queue.options.waiting_room) return std::nullopt;
  return Refusal{ErrorCode::access_refused, ObjectKind::queue, queue.declared.name, "name", "", "",
                 "it holds the messages that wait in a delayed exchange"};
}

bool RoomVisit::run() {
  take_in();
  let_go();
  read_ahead();
  return turn_.pending().deliveries_left > 0;
}

/// All that waits is in RAM, by seq in its lane and by time in `delays`.
void RoomVisit::take_in() {
  for (Lane& lane : life_.lanes)
    lane.hold_front(life_.visible_end,
                    [this](const QueueEntry& entry) { life_.delays.emplace(entry.expires_at, entry.seq); });
}

void RoomVisit::let_go() {
  Pending& pending = turn_.pending();
  while (!life_.delays.empty() && life_.delays.begin()->first <= turn_.now() && pending.deliveries_left > 0) {
    const QueueSeq seq = life_.delays.begin()->second;
    life_.delays.erase(life_.delays.begin());
    --pending.deliveries_left;
    const auto entry = life_.take_held(seq);
    if (!entry) continue;
    life_.leaving[seq] = {*entry, RemovalReason::acked};
    turn_.say_now(ReadDelayed{room_.declared.id, seq, entry->body, entry->size_bytes});
  }
}

void RoomVisit::read_ahead() {
  for (Lane& lane : life_.lanes) {
    if (!lane.has_cold() || lane.loading) continue;
    lane.loading = lane.first_cold().run;
    turn_.say_now(LoadRun{room_.declared.id, lane.loading, room_.declared.name});
  }
}

namespace {

std::string_view exchange_of(const Queue& room) {
  return std::string_view(room.declared.name).substr(waiting_room_prefix.size());
}

}  // namespace

void handle(Turn& turn, const DelayedReady& input) {
  const QueueId id(input.queue);
  QueueLife* life = turn.life(id);
  if (!life) return;
  const auto leaving = life->leaving.find(input.seq);
  if (leaving == life->leaving.end()) return;
  const QueueEntry entry = leaving->second.entry;
  life->leaving.erase(leaving);
  {
    Removals removals(turn, id);
    removals.add(entry, RemovalReason::acked);
  }
  const std::string_view name = exchange_of(*turn.state().queues.find(id));
  const Exchange* exchange = turn.state().catalog.find_exchange(name);
  if (exchange && input.message.size_bytes > 0) put_into(turn, route(turn, *exchange, input.message), input.message);
}

void handle(Turn& turn, const CancelDelayed& input) {
  const Exchange* exchange = turn.state().catalog.find_exchange(input.exchange);
  if (!exchange) return turn.refuse(input.who, not_found(ObjectKind::exchange, input.exchange));
  const Queue* room = find_queue(turn.state(), exchange->waiting_room);
  if (!room)
    return turn.refuse(input.who, {ErrorCode::invalid_argument, ObjectKind::exchange, exchange->declared.name, "type",
                                   "", "", "it delays no messages"});
  const QueueId id = room->declared.id;
  QueueLife& life = *turn.life(id);
  const auto entry = life.take_held(input.seq);
  if (!entry) return turn.refuse(input.who, not_found(ObjectKind::message, std::to_string(input.seq)));
  life.delays.erase({entry->expires_at, entry->seq});
  {
    Removals removals(turn, id);
    removals.add(*entry, RemovalReason::purged);
  }
  turn.answer(input.who, Ok{input.who});
}

}  // namespace tandem::core
