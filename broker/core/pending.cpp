#include "broker/core/pending.h"

#include <algorithm>

namespace tandem::core {

void Pending::answer(Channel& channel, TurnNumber turn, Send send, Outputs& out) {
  turn = std::max(turn, channel.last_answer_turn);
  if (turn <= persisted_) {
    channel.confirm_flush = 0;
    out.sends.push_back(std::move(send));
    return;
  }
  if (!waiting_.empty()) turn = std::max(turn, waiting_.back().turn);
  channel.last_answer_turn = turn;
  Waiting waiting{turn, channel.id, channel.birth, 0, 0, false, false};
  if (const auto* confirm = std::get_if<Confirmed>(&send)) {
    waiting.first = confirm->first;
    waiting.last = confirm->last;
    waiting.is_confirm = true;
    waiting.nack = confirm->nack;
  } else {
    others_.push_back(std::move(send));
  }
  waiting_.push_back(waiting);
}

void Pending::say(TurnNumber turn, Send send, Outputs& out) {
  if (turn <= persisted_) {
    out.sends.push_back(std::move(send));
    return;
  }
  if (!waiting_.empty()) turn = std::max(turn, waiting_.back().turn);
  waiting_.push_back({turn, {}, 0, 0, 0, false, false});
  others_.push_back(std::move(send));
}

void Pending::say_what_is_due(const Connections& connections, Outputs& out) {
  ++flush_;
  while (!waiting_.empty() && waiting_.front().turn <= persisted_) {
    const Waiting waiting = waiting_.pop_front();
    Channel* channel = waiting.channel.connection ? connections.find(waiting.channel) : nullptr;
    const bool is_lost = waiting.channel.connection && (!channel || channel->birth != waiting.channel_birth);
    if (waiting.is_confirm) {
      if (!is_lost) confirm_now(*channel, {waiting.channel, waiting.first, waiting.last, waiting.nack}, out);
      continue;
    }
    Send send = others_.pop_front();
    if (is_lost) continue;
    if (channel) channel->confirm_flush = 0;
    out.sends.push_back(std::move(send));
  }
}

void Pending::confirm_now(Channel& channel, const Confirmed& confirm, Outputs& out) {
  if (channel.confirm_flush == flush_) {
    auto& before = std::get<Confirmed>(out.sends[channel.confirm_index]);
    if (before.last + 1 == confirm.first && before.nack == confirm.nack) {
      before.last = confirm.last;
      return;
    }
  }
  channel.confirm_flush = flush_;
  channel.confirm_index = out.sends.size();
  out.sends.push_back(confirm);
}

}  // namespace tandem::core
