#include "broker/core/turn.h"

#include <algorithm>

#include "broker/core/checkpoint.h"

namespace tandem::core {

void Turn::note_and_apply(const Record& record) {
  if (number_ == 0 && is_durable(record)) out_.turn = number_ = ++state_.counters.turn;
  note(record);
  core::apply(state_, record);
}

void Turn::note(const Record& record) {
  if (const auto* enqueued = std::get_if<Enqueued>(&record)) {
    ++pending_.entries_in_journal;
    return touch(enqueued->queue);
  }
  if (const auto* reserved = std::get_if<DeliveryReserved>(&record)) return touch(reserved->queue);
  if (const auto* appended = std::get_if<Appended>(&record))
    pending_.partitions.push_back(
        {number_, appended->partition, appended->base_offset + appended->record_count});
}

void Turn::touch(QueueId queue) {
  QueueLife* life = this->life(queue);
  if (!life || life->touched) return;
  life->touched = true;
  pending_.touched.push_back(queue);
}

std::size_t Turn::front_entries() const {
  constexpr std::size_t entries_min = 16;
  const std::size_t share = options_.resident_entries_max / 2 / std::max<std::size_t>(1, state_.queues.size());
  return std::min(options_.front_entries_min, std::max(share, entries_min));
}

void Turn::answer(const Caller& who, Send send) {
  Channel& channel = session_.connections.find_or_open(who.channel);
  const TurnNumber turn = std::max(number_, answers_wait_for_);
  if (channel.parked_gets > 0)
    channel.behind_gets.push_back({turn, std::move(send)});
  else
    pending_.answer(channel, turn, std::move(send), out_);
}

void Turn::answer_held(Channel& channel, HeldAnswer held) {
  pending_.answer(channel, held.turn, std::move(held.send), out_);
}

void Turn::refuse(const Caller& who, Refusal refusal) {
  answer(who, Refused{who, std::move(refusal), -1});
}

void Turn::say(Send send) {
  pending_.say(number_, std::move(send), out_);
}

void Turn::say_behind_answers(Send send) {
  pending_.say(state_.counters.turn, std::move(send), out_);
}
void Turn::mark(QueueId queue) {
  QueueLife* life = this->life(queue);
  if (!life) return;
  const QueueConsumers* consumers = session_.consumers.find(queue);
  pending_.marked.add(queue, life->mark, consumers && consumers->is_waiting());
}

void Turn::apply_homes(const CheckpointDone& done) {
  core::apply_homes(state_, session_, *this, done);
}

void Turn::checkpoint(CheckpointState& out) {
  core::checkpoint(state_, session_, out);
}

}  // namespace tandem::core
