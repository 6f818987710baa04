// kafka_load: append and tail by Kafka's protocol, with librdkafka: against Kafka, and against Tandem's Kafka face.

#include "bench/measure.h"
#include "bench/peers/librdkafka.h"
#include "bench/peers/load.h"

namespace tandem::bench::peers {
namespace {

constexpr const char* topic = "flow";

void create_topic(rd_kafka_t* kafka) {
  char error[512];
  rd_kafka_NewTopic_t* wanted = rd_kafka_NewTopic_new(topic, 1, 1, error, sizeof error);
  if (!wanted) throw Failure(error);
  rd_kafka_queue_t* answers = rd_kafka_queue_new(kafka);
  rd_kafka_CreateTopics(kafka, &wanted, 1, nullptr, answers);
  rd_kafka_event_t* answer = rd_kafka_queue_poll(answers, answer_wait_ms);
  const bool is_created = answer && rd_kafka_event_error(answer) == RD_KAFKA_RESP_ERR_NO_ERROR;
  if (answer) rd_kafka_event_destroy(answer);
  rd_kafka_queue_destroy(answers);
  rd_kafka_NewTopic_destroy(wanted);
  if (!is_created) throw Failure("Kafka: the topic was not created");
}

/// Of the producer's thread alone: callbacks come from its own polls.
std::uint64_t confirmed = 0;

void on_confirm(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  ++confirmed;
  if (message->err) static_cast<Flow*>(opaque)->failed = true;
}

void append(Flow& flow, rd_kafka_t* kafka) {
  const Topic handle(rd_kafka_topic_new(kafka, topic, nullptr));
  const std::string value(flow.plan.body_size_bytes, 'v');
  std::vector<rd_kafka_message_t> block(block_messages);
  const auto begin = Clock::now();
  while (!flow.failed && seconds_since(begin) < flow.load_s) {
    for (auto& message : block) {
      message = {};
      message.payload = const_cast<char*>(value.data());  // copied by the call, as it is told to
      message.len = value.size();
    }
    flow.posted += static_cast<std::uint64_t>(
        rd_kafka_produce_batch(handle.get(), 0, RD_KAFKA_MSG_F_COPY, block.data(), static_cast<int>(block.size())));
    rd_kafka_poll(kafka, block.back().err == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 1 : 0);
  }
  if (rd_kafka_flush(kafka, answer_wait_ms) != RD_KAFKA_RESP_ERR_NO_ERROR || confirmed != flow.posted)
    throw Failure("Kafka: " + std::to_string(flow.posted) + " appended, " + std::to_string(confirmed) + " confirmed");
  flow.publisher_done = true;
}

void tail(Flow& flow) {
  const Kafka kafka = open_kafka(RD_KAFKA_CONSUMER, flow.plan.port, {{"group.id", "bench"}, {"enable.auto.commit", "false"}});
  const Topic handle(rd_kafka_topic_new(kafka.get(), topic, nullptr));
  if (rd_kafka_consume_start(handle.get(), 0, RD_KAFKA_OFFSET_BEGINNING) != 0) throw Failure("Kafka: cannot consume");
  std::vector<rd_kafka_message_t*> block(10'000);
  while (!flow.failed && !flow.all_is_here()) {
    const auto count = rd_kafka_consume_batch(handle.get(), 0, 20, block.data(), block.size());
    if (count < 0) throw Failure(std::string("Kafka: ") + rd_kafka_err2str(rd_kafka_last_error()));
    std::uint64_t records = 0;
    for (ssize_t i = 0; i < count; ++i) {
      auto* message = block[static_cast<std::size_t>(i)];
      records += message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
      rd_kafka_message_destroy(message);
    }
    flow.acked += records;
  }
  rd_kafka_consume_stop(handle.get(), 0);
}

}  // namespace

LoadResult kafka_topic_load(const LoadPlan& plan) {
  Flow flow(plan);
  const Kafka producer = open_kafka(RD_KAFKA_PRODUCER, plan.port, {{"queue.buffering.max.messages", "1000000"}}, on_confirm, &flow);
  create_topic(producer.get());
  return run_flow(flow, [&] { append(flow, producer.get()); }, [&] { tail(flow); });
}

}  // namespace tandem::bench::peers

int main(int argc, char** argv) {
  using namespace tandem::bench::peers;
  return run_program(argc, argv, {{"kafka", nullptr, kafka_topic_load}});
}
