#include "broker/base/limits.h"
#include "broker/core/delayed.h"
#include "broker/core/message_verbs.h"
#include "broker/core/queue_verbs.h"
#include "broker/core/subscription.h"

namespace tandem::core {
namespace {

std::optional<Refusal> read_priority(const Subscribe& input, std::int32_t& priority) {
  priority = input.priority;
  const Value* value = input.arguments ? find(*input.arguments, "x-priority") : nullptr;
  if (!value) return std::nullopt;
  const std::int64_t* number = value->integer();
  if (!number || *number < INT32_MIN || *number > INT32_MAX)
    return Refusal{ErrorCode::invalid_argument,
                   ObjectKind::queue,
                   std::string(input.queue),
                   "x-priority",
                   to_text(*value),
                   "",
                   "expected integer, got " + to_text(*value)};
  priority = static_cast<std::int32_t>(*number);
  return std::nullopt;
}

std::optional<Refusal> read_timeout(const Subscribe& input, std::optional<DurationMs>& timeout) {
  const Value* value = input.arguments ? find(*input.arguments, "x-consumer-timeout") : nullptr;
  if (!value) return std::nullopt;
  const std::int64_t* number = value->integer();
  if (!number || *number < 0 || *number > duration_max_ms)
    return Refusal{ErrorCode::invalid_argument,
                   ObjectKind::queue,
                   std::string(input.queue),
                   "x-consumer-timeout",
                   to_text(*value),
                   "",
                   "expected milliseconds, got " + to_text(*value)};
  timeout = *number;
  return std::nullopt;
}

std::optional<Refusal> judge(const Subscribe& input, const Channel& channel,
                             const QueueConsumers& consumers) {
  const std::string queue(input.queue);
  if (channel.consumers.contains(input.consumer))
    return Refusal{ErrorCode::in_use,
                   ObjectKind::consumer,
                   std::to_string(input.consumer),
                   "",
                   "",
                   "",
                   "the channel has a consumer of this number"};
  if (channel.consumers.size() >= limits::consumers_per_channel_max)
    return Refusal{
        ErrorCode::limit_reached,
        ObjectKind::channel,
        "",
        "consumers_per_channel_max",
        "",
        "",
        "a channel has at most " + std::to_string(limits::consumers_per_channel_max) + " consumers"};
  const bool has_exclusive = !consumers.all().empty() && consumers.all().front()->exclusive;
  if (has_exclusive || (input.exclusive && !consumers.all().empty()))
    return Refusal{ErrorCode::in_use,
                   ObjectKind::queue,
                   queue,
                   "exclusive",
                   "",
                   "",
                   "queue '" + queue + "' in exclusive use"};
  return std::nullopt;
}

/// Nothing is delivered before the subscription is answered.
void start(Turn& turn, const Caller& who, Consumer& consumer) {
  turn.answer(who, Ok{who});
  const Channel& channel = *consumer.channel;
  consumer.started = channel.last_answer_turn <= turn.pending().persisted() && channel.parked_gets == 0;
  if (consumer.started) return line_up(turn, consumer);
  const TurnNumber answered_by =
      channel.parked_gets > 0 ? StartingConsumer::unknown : channel.last_answer_turn;
  turn.pending().starting.push_back({answered_by, channel.id, channel.birth, consumer.number});
}

}  // namespace

void handle(Turn& turn, const Subscribe& input) {
  const Queue* queue = find_queue_or_refuse(turn, input.who, input.queue);
  if (!queue) return;
  if (auto refusal = refuse_room(*queue)) return turn.refuse(input.who, std::move(*refusal));
  const QueueId id = queue->declared.id;
  Channel& channel = turn.session().connections.find_or_open(input.who.channel);
  QueueConsumers& consumers = turn.session().consumers.find_or_add(id);
  if (auto refusal = judge(input, channel, consumers)) return turn.refuse(input.who, *refusal);
  auto consumer = std::make_unique<Consumer>();
  if (auto refusal = read_priority(input, consumer->priority)) return turn.refuse(input.who, *refusal);
  if (auto refusal = read_timeout(input, consumer->timeout)) return turn.refuse(input.who, *refusal);
  consumer->channel = &channel;
  consumer->number = input.consumer;
  consumer->tag = input.tag;
  consumer->queue = id;
  consumer->no_ack = input.no_ack;
  consumer->exclusive = input.exclusive;
  consumer->prefetch = input.prefetch;
  consumer->active = !queue->options.single_active_consumer || consumers.all().empty();
  Consumer& added = *(channel.consumers[input.consumer] = std::move(consumer));
  consumers.add(&added);
  turn.life(id)->had_consumer = true;
  start(turn, input.who, added);
}

void line_up(Turn& turn, Consumer& consumer) {
  QueueConsumers* consumers = turn.session().consumers.find(consumer.queue);
  if (consumers && consumers->line_up(&consumer)) turn.mark(consumer.queue);
}

/// Beginning behind the one that was served last: where all share one limit, the first would else be given everything.
void line_up_consumers(Turn& turn, Channel& channel) {
  const auto begin = channel.consumers.upper_bound(channel.last_served);
  for (auto one = begin; one != channel.consumers.end(); ++one) line_up(turn, *one->second);
  for (auto one = channel.consumers.begin(); one != begin; ++one) line_up(turn, *one->second);
}

void line_up_consumers(Turn& turn, Connection& connection) {
  for (const auto& channel : connection.channels) line_up_consumers(turn, *channel);
}

void forget_consumer(Turn& turn, Consumer& consumer) {
  Channel& channel = *consumer.channel;
  const Queue* queue = turn.state().queues.find(consumer.queue);
  if (QueueConsumers* consumers = turn.session().consumers.find(consumer.queue))
    consumers->remove(&consumer, queue && queue->options.single_active_consumer);
  channel.consumers_unsettled -= consumer.unsettled;
  const auto place = channel.consumers.find(consumer.number);
  consumer.is_gone = true;
  if (consumer.unsettled > 0) channel.gone_consumers.emplace(&consumer, std::move(place->second));
  channel.consumers.erase(place);
}

void cancel_consumer(Turn& turn, Consumer& consumer) {
  const QueueId id = consumer.queue;
  forget_consumer(turn, consumer);
  const Queue* queue = turn.state().queues.find(id);
  if (!queue || turn.session().consumers.count(id) > 0) return turn.mark(id);
  turn.life(id)->unused_since = turn.now();
  turn.mark(id);
  if (queue->declared.auto_delete) delete_queue(turn, id);
}

void start_consumers(Turn& turn) {
  Pending& pending = turn.pending();
  if (pending.starting.empty()) return;
  pending.starting.keep_if([&](StartingConsumer& starting) {
    Channel* channel = turn.session().connections.find(starting.channel);
    if (!channel || channel->birth != starting.channel_birth) return false;
    auto consumer = channel->consumers.find(starting.consumer);
    if (consumer == channel->consumers.end()) return false;
    if (starting.turn == StartingConsumer::unknown && channel->parked_gets == 0)
      starting.turn = channel->last_answer_turn;
    if (starting.turn > pending.persisted()) return true;
    consumer->second->started = true;
    line_up(turn, *consumer->second);
    return false;
  });
}

void handle(Turn& turn, const Unsubscribe& input) {
  Channel& channel = turn.session().connections.find_or_open(input.who.channel);
  auto consumer = channel.consumers.find(input.consumer);
  if (consumer != channel.consumers.end()) cancel_consumer(turn, *consumer->second);
  turn.answer(input.who, Ok{input.who});
}

void handle(Turn& turn, const SetChannelPrefetch& input) {
  Channel& channel = turn.session().connections.find_or_open(input.who.channel);
  channel.prefetch = input.prefetch;
  line_up_consumers(turn, channel);
  turn.answer(input.who, Ok{input.who});
}

void handle(Turn& turn, const SetConsumerPrefetch& input) {
  Channel& channel = turn.session().connections.find_or_open(input.who.channel);
  auto consumer = channel.consumers.find(input.consumer);
  if (consumer == channel.consumers.end())
    return turn.refuse(input.who, {ErrorCode::not_found, ObjectKind::consumer, std::to_string(input.consumer),
                                   "", "", "", ""});
  consumer->second->prefetch = input.prefetch;
  line_up(turn, *consumer->second);
  turn.answer(input.who, Ok{input.who});
}

}  // namespace tandem::core
