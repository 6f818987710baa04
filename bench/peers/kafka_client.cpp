// kafka_client: one part of a Kafka client's work against a broker that runs, with librdkafka as rdkafka_performance
// drives it: produce as fast as it goes, consume what is there, or send at a rate and time each record until it is
// consumed. Prints one line of JSON.
#include <CLI/CLI.hpp>

#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "bench/measure.h"
#include "bench/peers/librdkafka.h"

namespace tandem::bench::peers {
namespace {

struct Plan {
  std::string work, topic = "readings", acks = "all";
  std::uint16_t port = 0;
  std::size_t size_bytes = 100;
  double seconds = 2, per_second = 10'000;
  std::uint64_t count = 0;  // produce: so many instead of for a time; consume: how many there are
};

/// What the producer's callbacks count; they come from its own polls.
struct Confirms {
  std::uint64_t count = 0, failed = 0;
};

void on_confirm(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& confirms = *static_cast<Confirms*>(opaque);
  ++confirms.count;
  confirms.failed += message->err != RD_KAFKA_RESP_ERR_NO_ERROR;
}

Kafka open_producer(const Plan& plan, Confirms& confirms, const std::vector<Setting>& more) {
  std::vector<Setting> settings = {{"acks", plan.acks}, {"queue.buffering.max.messages", "500000"}};
  settings.insert(settings.end(), more.begin(), more.end());
  return open_kafka(RD_KAFKA_PRODUCER, plan.port, settings, on_confirm, &confirms);
}

nlohmann::json result(std::uint64_t count, Clock::time_point begin, double cpu_before_s) {
  return {{"messages", count}, {"seconds", seconds_since(begin)}, {"client_cpu_s", own_cpu_s() - cpu_before_s}};
}

void flush(rd_kafka_t* producer, const Confirms& confirms, std::uint64_t sent) {
  if (rd_kafka_flush(producer, answer_wait_ms) != RD_KAFKA_RESP_ERR_NO_ERROR || confirms.count != sent || confirms.failed)
    throw Failure(std::to_string(sent) + " produced, " + std::to_string(confirms.count) + " answered, " +
                  std::to_string(confirms.failed) + " refused");
}

nlohmann::json produce(const Plan& plan) {
  Confirms confirms;
  const Kafka producer = open_producer(plan, confirms, {});
  const Topic topic(rd_kafka_topic_new(producer.get(), plan.topic.c_str(), nullptr));
  const std::string value(plan.size_bytes, 'v');
  std::vector<rd_kafka_message_t> block(block_messages);
  std::uint64_t sent = 0;
  const auto begin = Clock::now();
  const double cpu_before_s = own_cpu_s();
  while (plan.count ? sent < plan.count : seconds_since(begin) < plan.seconds) {
    for (auto& message : block) {
      message = {};
      message.payload = const_cast<char*>(value.data());  // copied by the call, as it is told to
      message.len = value.size();
    }
    sent += static_cast<std::uint64_t>(
        rd_kafka_produce_batch(topic.get(), 0, RD_KAFKA_MSG_F_COPY, block.data(), static_cast<int>(block.size())));
    rd_kafka_poll(producer.get(), block.back().err == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 1 : 0);
  }
  flush(producer.get(), confirms, sent);
  return result(sent, begin, cpu_before_s);
}

nlohmann::json consume(const Plan& plan) {
  // As rdkafka_performance sets it: a consumer that is behind fetches ahead.
  const Kafka consumer = open_kafka(RD_KAFKA_CONSUMER, plan.port, {{"group.id", "bench"}, {"queued.min.messages", "1000000"}});
  const Topic topic(rd_kafka_topic_new(consumer.get(), plan.topic.c_str(), nullptr));
  auto begin = Clock::now();
  double cpu_before_s = own_cpu_s();
  if (rd_kafka_consume_start(topic.get(), 0, RD_KAFKA_OFFSET_BEGINNING) != 0) throw Failure("cannot consume");
  std::vector<rd_kafka_message_t*> block(10'000);
  std::uint64_t count = 0, first = 0;
  while (count < plan.count) {
    const auto got = rd_kafka_consume_batch(topic.get(), 0, 100, block.data(), block.size());
    if (got < 0 || seconds_since(begin) > 120) throw Failure("consumed only " + std::to_string(count));
    for (ssize_t i = 0; i < got; ++i) {
      auto* message = block[static_cast<std::size_t>(i)];
      count += message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->len == plan.size_bytes;
      rd_kafka_message_destroy(message);
    }
    // From the first ones on, as rdkafka_performance does: half a second before is the client's, which looks for the leader.
    if (first == 0 && count > 0) {
      first = count;
      begin = Clock::now();
      cpu_before_s = own_cpu_s();
    }
  }
  auto json = result(count - first, begin, cpu_before_s);
  rd_kafka_consume_stop(topic.get(), 0);
  return json;
}

/// Records are due at a fixed rate; each time begins when its record was due, and ends when the consumer has it.
nlohmann::json latency(const Plan& plan) {
  Confirms confirms;
  const Kafka producer = open_producer(plan, confirms, {{"linger.ms", "0"}});
  const Kafka consumer = open_kafka(RD_KAFKA_CONSUMER, plan.port, {{"group.id", "bench"}});
  const Topic from(rd_kafka_topic_new(consumer.get(), plan.topic.c_str(), nullptr));
  const Topic to(rd_kafka_topic_new(producer.get(), plan.topic.c_str(), nullptr));
  if (rd_kafka_consume_start(from.get(), 0, RD_KAFKA_OFFSET_END) != 0) throw Failure("cannot consume");
  // Until the consumer is there: what it finds at the end is the first record that it gets.
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const double gap_ns = 1e9 / plan.per_second;
  const auto total = static_cast<std::uint64_t>(plan.per_second * plan.seconds);
  const auto begin = Clock::now() + std::chrono::milliseconds(50);
  const double cpu_before_s = own_cpu_s();
  Histogram times;
  std::thread receiver([&] {
    for (std::uint64_t got = 0; got < total && seconds_since(begin) < plan.seconds + 20;) {
      rd_kafka_message_t* message = rd_kafka_consume(from.get(), 0, 100);
      if (!message) continue;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        std::uint64_t number = 0;
        std::memcpy(&number, message->payload, sizeof number);
        times.add(static_cast<std::uint64_t>(std::max(0.0, seconds_since(begin) * 1e9 - static_cast<double>(number) * gap_ns)));
        ++got;
      }
      rd_kafka_message_destroy(message);
    }
  });
  std::string value(std::max(plan.size_bytes, sizeof(std::uint64_t)), 'v');
  for (std::uint64_t sent = 0; sent < total;) {
    for (const double now_ns = seconds_since(begin) * 1e9; sent < total && static_cast<double>(sent) * gap_ns <= now_ns; ++sent) {
      std::memcpy(value.data(), &sent, sizeof sent);
      if (rd_kafka_produce(to.get(), 0, RD_KAFKA_MSG_F_COPY, value.data(), value.size(), nullptr, 0, nullptr) != 0)
        throw Failure("cannot produce");
    }
    rd_kafka_poll(producer.get(), 0);
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  flush(producer.get(), confirms, total);
  receiver.join();
  rd_kafka_consume_stop(from.get(), 0);
  if (times.count() != total) throw Failure("only " + std::to_string(times.count()) + " arrived");
  auto json = result(total, begin, cpu_before_s);
  json["p50_us"] = times.quantile_ns(0.5) / 1e3;
  json["p99_us"] = times.quantile_ns(0.99) / 1e3;
  json["p999_us"] = times.quantile_ns(0.999) / 1e3;
  return json;
}

int run(int argc, char** argv) {
  Plan plan;
  CLI::App app("one run of a Kafka client's work against a broker on this machine that runs already; the topic is created "
               "by its first use", "kafka_client");
  app.add_option("work", plan.work)->required()->check(CLI::IsMember({"produce", "consume", "latency"}));
  app.add_option("--port", plan.port)->required();
  app.add_option("--topic", plan.topic)->capture_default_str();
  app.add_option("--acks", plan.acks)->capture_default_str()->check(CLI::IsMember({"0", "1", "all"}));
  app.add_option("--size", plan.size_bytes, "of a value, in bytes")->check(CLI::Range(1, 1 << 20));
  app.add_option("--seconds", plan.seconds)->check(CLI::Range(0.1, 600.0));
  app.add_option("--rate", plan.per_second, "latency: records per second")->check(CLI::Range(1.0, 1e6));
  app.add_option("--count", plan.count, "produce: so many, for whatever time; consume: so many are there");
  CLI11_PARSE(app, argc, argv);
  try {
    const auto json = plan.work == "produce" ? produce(plan) : plan.work == "consume" ? consume(plan) : latency(plan);
    std::printf("%s\n", json.dump().c_str());
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "kafka_client: %s\n", failure.what());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace tandem::bench::peers

int main(int argc, char** argv) {
  return tandem::bench::peers::run(argc, argv);
}
