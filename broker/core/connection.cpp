#include "broker/core/queue_verbs.h"
#include "broker/core/rim_verbs.h"
#include "broker/core/settlement.h"
#include "broker/core/subscription.h"
#include "broker/core/topic_verbs.h"

namespace tandem::core {
namespace {

void cancel_consumers(Turn& turn, Channel& channel) {
  while (!channel.consumers.empty()) cancel_consumer(turn, *channel.consumers.begin()->second);
}

/// A Get of the channel that waits in some queue's line finds no channel when its time comes; a new channel
/// of the same number must not get its answer.
void forget_gets(Turn& turn, const Channel& channel) {
  if (channel.parked_gets == 0) return;
  turn.state().queues.all().for_each([&](const Queue& queue) {
    if (QueueConsumers* consumers = turn.session().consumers.find(queue.declared.id))
      consumers->parked_gets.keep_if([&](const ParkedGet& get) { return get.who.channel != channel.id; });
  });
}

/// First the consumers, so that nothing that is put back is given to them again.
void empty_channel(Turn& turn, Channel& channel) {
  for (auto& [number, consumer] : channel.consumers) consumer->started = false;
  give_back_all(turn, channel);
  cancel_consumers(turn, channel);
  forget_gets(turn, channel);
}

}  // namespace

void handle(Turn& turn, const ConnectionOpened& input) {
  Connection& connection = turn.session().connections.find_or_open(input.connection);
  connection.user = input.user;
  connection.name = input.name;
  connection.face = input.face;
  connection.before_users = turn.state().users.empty();
}

void handle(Turn& turn, const ChannelClosed& input) {
  channel_closed_topics(turn, input.who.channel);
  if (Channel* channel = turn.session().connections.find(input.who.channel)) {
    empty_channel(turn, *channel);
    turn.session().connections.close(input.who.channel);
  }
  // Not answer(): that is a channel's, and would open this one again.
  if (input.who.request != 0) turn.say(Ok{input.who});
}

void handle(Turn& turn, const ConnectionClosed& input) {
  connection_closed_topics(turn, input.connection);
  Connection* connection = turn.session().connections.find(input.connection);
  if (!connection) return;
  connection->writable = false;
  for (const auto& channel : connection->channels)
    for (auto& [number, consumer] : channel->consumers) consumer->started = false;
  for (const auto& channel : connection->channels) empty_channel(turn, *channel);
  while (!connection->exclusive_queues.empty()) delete_queue(turn, *connection->exclusive_queues.begin());
  turn.session().connections.close(input.connection);
}

void handle(Turn& turn, const ConnectionWritable& input) {
  Connection* connection = turn.session().connections.find(input.connection);
  if (!connection || connection->writable == input.writable) return;
  connection->writable = input.writable;
  if (!input.writable) return;
  line_up_consumers(turn, *connection);
}

}  // namespace tandem::core
