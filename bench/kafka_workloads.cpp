// The Kafka face, with librdkafka as its client (peers/kafka_client.cpp): what rdkafka_performance measures.
#include <filesystem>

#include "bench/flow.h"
#include "bench/load_process.h"

namespace tandem::bench {
namespace {

/// Fills in what a client's process said, and what the broker did meanwhile.
class ClientRuns {
 public:
  ClientRuns(const Settings& settings, const Broker& broker)
      : program_(settings.kafka_client), port_(std::to_string(broker.port("kafka"))), broker_(broker) {
    if (!std::filesystem::exists(program_)) throw Skipped("needs librdkafka-dev when it is built");
  }

  nlohmann::json run(const std::string& work, const std::string& options) const {
    return run_load(program_ + " " + work + " --port " + port_ + " " + options);
  }
  nlohmann::json measured(const std::string& work, const std::string& options, Outcome& outcome) const {
    const Stretch stretch(broker_);
    auto json = run(work, options);
    stretch.finish(outcome);
    const double client_cpu_s = json.value("client_cpu_s", 0.0);
    outcome.others_cores = std::max(0.0, outcome.others_cores - (client_cpu_s - outcome.client_cpu_s) / outcome.seconds);
    outcome.client_cpu_s = client_cpu_s;
    outcome.operations = json.value("messages", 0.0);
    outcome.seconds = json.value("seconds", outcome.seconds);
    outcome.value = outcome.operations / outcome.seconds;
    return json;
  }

 private:
  const std::string program_, port_;
  const Broker& broker_;
};

std::string size_option(std::size_t size_bytes) { return "--size " + std::to_string(size_bytes) + " "; }

Outcome produce(const Settings& settings, std::size_t size_bytes) {
  const Broker broker(settings.tandemd, settings.directory + "/kafka");
  const ClientRuns client(settings, broker);
  broker.settle_in();
  client.run("produce", size_option(size_bytes) + "--seconds 0.5");
  Outcome outcome;
  client.measured("produce", size_option(size_bytes) + "--seconds " + std::to_string(settings.seconds), outcome);
  return outcome;
}

void in_megabytes(Outcome& outcome, std::size_t size_bytes) {
  outcome.operations *= static_cast<double>(size_bytes) / 1e6;
  outcome.value = outcome.operations / outcome.seconds;
}

/// Fills a topic, and reads all of it with a consumer that is new each time, until the time is over.
Outcome consume(const Settings& settings) {
  constexpr std::size_t size_bytes = 1'000;
  const std::string all = size_option(size_bytes) + "--count 512000";
  const Broker broker(settings.tandemd, settings.directory + "/kafka");
  const ClientRuns client(settings, broker);
  client.run("produce", all);
  broker.wait_for_checkpoint();
  client.run("consume", all);  // what went home is on the disk only
  Outcome outcome;
  client.measured("consume", all, outcome);
  in_megabytes(outcome, size_bytes);
  return outcome;
}

Outcome latency(const Settings& settings) {
  const Broker broker(settings.tandemd, settings.directory + "/kafka");
  const ClientRuns client(settings, broker);
  client.run("produce", "--count 1000");
  Outcome outcome;
  const auto json = client.measured("latency", "--rate 10000 --seconds " + std::to_string(settings.seconds), outcome);
  outcome.value = json.value("p99_us", 0.0) / 1e3;
  outcome.more["p50 ms"] = json.value("p50_us", 0.0) / 1e3;
  outcome.more["p99.9 ms"] = json.value("p999_us", 0.0) / 1e3;
  return outcome;
}

}  // namespace

void add_kafka_workloads(std::vector<Workload>& all) {
  Workload workload;
  workload.name = "kafka-produce-100";
  workload.what = "librdkafka's producer, 100 B, its defaults, acks=all";
  workload.unit = "records/s";
  workload.target = 800'000;
  workload.run = [](const Settings& settings) { return produce(settings, 100); };
  workload.limit = [](const Machine& machine) { return Limit{"raw journal", machine.journal_bytes_per_s / 100}; };
  all.push_back(workload);
  workload.name = "kafka-produce-1k";
  workload.what = "librdkafka's producer, 1 KB, its defaults, acks=all";
  workload.unit = "MB/s";
  workload.target = 350;
  workload.run = [](const Settings& settings) {
    Outcome outcome = produce(settings, 1'000);
    in_megabytes(outcome, 1'000);
    return outcome;
  };
  workload.limit = [](const Machine& machine) { return Limit{"raw journal", machine.journal_bytes_per_s / 1e6}; };
  all.push_back(workload);
  workload.name = "kafka-consume-1k";
  workload.what = "librdkafka's consumer, 512 MB of 1 KB records, page cache warm";
  workload.target = 1'000;
  workload.run = consume;
  workload.limit = [](const Machine& machine) { return Limit{"loopback", machine.loopback_bytes_per_s / 1e6}; };
  all.push_back(workload);
  workload.name = "kafka-latency";
  workload.what = "10,000 records of 100 B/s, from when one is due until librdkafka's consumer has it (linger.ms=0)";
  workload.unit = "ms p99";
  workload.better = Better::lower;
  workload.target = 5;
  workload.run = latency;
  workload.limit = nullptr;
  all.push_back(workload);
}

}  // namespace tandem::bench
