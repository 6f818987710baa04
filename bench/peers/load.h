// Load for brokers that speak other protocols than Tandem's own: one publisher and one consumer, each on a thread and a
// connection of its own, which cost less CPU than any broker. Queue work: a message counts when it was published,
// confirmed, delivered and acked. Topic work: a record counts when it was appended, confirmed, and read by one that tails.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tandem::bench::peers {

struct LoadPlan {
  std::uint16_t port = 0;
  std::size_t body_size_bytes = 100;
  double seconds = 2;                  // of load, behind the warm-up
  double warm_up_s = 0;                // of load that is not counted: a peer may compile itself meanwhile
  std::uint64_t window = 5'000;        // unconfirmed publishes at most
  std::uint32_t prefetch = 5'000;      // unacked deliveries at most, where the peer knows that
  std::uint64_t in_flight_max = 20'000;  // published and not acked
  std::string queue_type;              // AMQP: x-queue-type; "" = the peer's default
  std::string exchange, routing_key;   // AMQP: where to publish; "" = straight into the queue. Who names an exchange binds it
  bool is_topic = false;               // append and tail; nothing is acked, and the reader may fall behind
};

struct LoadResult {
  double messages = 0, seconds = 0, client_cpu_s = 0;
  double confirm_p50_us = 0, confirm_p99_us = 0;  // only of the work "confirm"
};

/// AMQP 0-9-1: publisher confirms, basic.consume, acks with multiple.
LoadResult amqp_load(const LoadPlan& plan);
/// AMQP 0-9-1: one persistent message after the other into a durable queue, each when the one before is confirmed.
LoadResult amqp_confirm_load(const LoadPlan& plan);
/// NATS JetStream: a work-queue stream on file, publishes with their acks, a push consumer, an ack for each message.
LoadResult nats_load(const LoadPlan& plan);
/// A stream on file that keeps what it has, publishes with their acks, a push consumer without acks.
LoadResult nats_topic_load(const LoadPlan& plan);
/// Redis streams: pipelined XADD, XREADGROUP and XACK.
LoadResult redis_load(const LoadPlan& plan);
/// Pipelined XADD, and XREAD of what is behind the last id.
LoadResult redis_topic_load(const LoadPlan& plan);
/// Kafka: librdkafka's producer with its defaults, and a consumer of the one partition.
LoadResult kafka_topic_load(const LoadPlan& plan);

/// What both threads of a load share.
struct Flow {
  explicit Flow(const LoadPlan& p) : plan(p) {}
  const LoadPlan& plan;
  const double load_s = plan.warm_up_s + plan.seconds;  // how long to publish
  std::atomic<std::uint64_t> posted{0}, acked{0};
  std::atomic<bool> publisher_done{false}, failed{false};

  /// How many messages may be posted now: whole blocks of `block`, or 0.
  bool has_room(std::uint64_t block) const { return plan.is_topic || posted + block <= acked + plan.in_flight_max; }
  bool all_is_here() const { return publisher_done && acked >= posted; }
};

/// A program's main(): one run of the loads that it knows, by protocol; prints one line of JSON.
struct Protocol {
  std::string name;
  LoadResult (*queue)(const LoadPlan&) = nullptr;  // null: it has none
  LoadResult (*topic)(const LoadPlan&) = nullptr;
  LoadResult (*confirm)(const LoadPlan&) = nullptr;
};
int run_program(int argc, char** argv, const std::vector<Protocol>& protocols);

/// Runs both to their end and measures; whatever one throws is thrown here. Prints "warm" when the warm-up is over.
LoadResult run_flow(Flow& flow, const std::function<void()>& publish, const std::function<void()>& consume);

}  // namespace tandem::bench::peers
