// The load's clients of AMQP and Kafka, each byte by byte and without the broker's code.
#include <algorithm>
#include <chrono>
#include <map>
#include <random>

#include "tests/crash/load.h"
#include "tests/support/raw_amqp.h"
#include "tests/support/raw_kafka.h"

namespace tandem::crash {
namespace {

using support::RawAmqp;
using support::RawKafka;

constexpr std::size_t window_messages = 128;
constexpr std::size_t acks_per_commit = 8;
constexpr int storage_error = 56;  // KAFKA_STORAGE_ERROR

}  // namespace

void Load::publish_amqp(std::uint32_t publisher) {
  RawAmqp amqp(ports_.amqp);
  if (!amqp.open() || !amqp.confirm_select()) return;
  std::map<std::uint64_t, MessageId> unconfirmed;  // by the channel's count of publishes
  std::uint64_t seq = 0;
  while (!stopping_ && amqp.open()) {
    if (unconfirmed.size() < window_messages) {
      const MessageId id{publisher, histories_.next_number[publisher]++};
      histories_.fan.invoked(id);
      unconfirmed[++seq] = id;
      if (!amqp.publish("crash.fan", "", body_of(id))) break;
    }
    while (const auto event = amqp.next(unconfirmed.size() < window_messages ? 0 : 20)) {
      const auto first = event->multiple ? unconfirmed.begin() : unconfirmed.find(event->tag);
      const auto last = unconfirmed.upper_bound(event->tag);
      if (first == unconfirmed.end()) {
        histories_.fan.violation("AMQP confirms " + std::to_string(event->tag) + ", which is not waited for");
        break;
      }
      if (event->kind == RawAmqp::Event::Kind::confirm)
        for (auto it = first; it != last; ++it) histories_.fan.confirmed(it->second);
      unconfirmed.erase(first, last);
    }
    rest(2 * pace_);
  }
}

/// Acks are asked for in a transaction: its commit-ok is what makes them final.
void Load::consume_amqp(const std::string& queue, std::uint64_t seed) {
  RawAmqp amqp(ports_.amqp);
  if (!amqp.open() || !amqp.tx_select() || !amqp.qos(64) || !amqp.consume(queue)) return;
  std::mt19937_64 chance(seed);
  std::vector<MessageId> acked;
  std::size_t held = 0;
  bool requeues = false;
  while (!stopping_ && amqp.open()) {
    const auto event = amqp.next(20);
    if (event && event->kind == RawAmqp::Event::Kind::delivery) {
      const MessageId id = parse_id(event->body);
      histories_.fan.delivered(queue, id, event->redelivered, life_);
      const auto dice = chance() % 100;
      if (dice < 5 && held < 40) {
        ++held;  // unsettled when the broker dies
      } else if (dice < 10) {
        histories_.fan.requeued(queue, id);
        requeues = true;
        if (!amqp.requeue(event->tag)) return;
      } else {
        histories_.fan.acked(queue, id);
        if (!amqp.ack(event->tag)) return;
        acked.push_back(id);
      }
    }
    if (acked.size() < acks_per_commit && (event || (acked.empty() && !requeues))) continue;
    if (!amqp.tx_commit()) return;
    for (const MessageId id : acked) histories_.fan.ack_confirmed(queue, id);
    acked.clear();
    requeues = false;
  }
}

void Load::produce_kafka(std::uint32_t publisher) {
  RawKafka kafka(ports_.kafka);
  auto producer = kafka.init_producer();
  if (!producer) return;
  for (int batch = 1; !stopping_; ++batch) {
    std::vector<MessageId> ids;
    std::vector<std::string> values;
    for (int i = 0; i < 1 + batch % 5; ++i) {
      ids.push_back({publisher, histories_.next_number[publisher]++});
      histories_.log.invoked(ids.back());
      values.push_back(record_of(ids.back()));
    }
    const auto produced = kafka.produce("crash.log", *producer, producer->next_sequence, values);
    if (!produced) return;
    // A disk without power may look full before a write to it fails; but the first batch of a life is taken.
    const bool may_be_refused = histories_.disk_fills || (histories_.power_fails && batch > 1);
    if (produced->error == storage_error && may_be_refused) return;
    if (produced->error != 0)
      return histories_.log.violation("a batch of " + to_text(ids.front()) + " was refused with Kafka's error " +
                                      std::to_string(produced->error));
    for (const MessageId id : ids) histories_.log.confirmed(id);
    if (batch % 7 == 0) {  // as a producer does that has lost the answer
      const auto again = kafka.produce("crash.log", *producer, producer->next_sequence, values);
      if (!again || (again->error == storage_error && may_be_refused)) return;
      if (again->error != 0 || again->base_offset != produced->base_offset)
        histories_.log.violation("the batch of " + to_text(ids.front()) + " at " +
                                 std::to_string(produced->base_offset) + ", sent again, is at " +
                                 std::to_string(again->base_offset) + " (error " + std::to_string(again->error) + ")");
    }
    producer->next_sequence += static_cast<std::int32_t>(ids.size());
    std::this_thread::sleep_for(3 * pace_);
  }
}

}  // namespace tandem::crash
