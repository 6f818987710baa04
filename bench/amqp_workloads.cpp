// The AMQP face, with the load that the peers get too (bench/peers): a process of its own with prebuilt frames.
#include <memory>

#include "bench/flow.h"
#include "bench/load_process.h"
#include "tests/support/raw_amqp.h"

namespace tandem::bench {
namespace {

nlohmann::json peer_load(const Settings& settings, const Broker& broker, std::size_t size, double seconds,
                         const std::string& more = "") {
  const std::string command = settings.peer_load + " amqp --port " + std::to_string(broker.port("amqp")) + " --size " +
                              std::to_string(size) + " --seconds " + std::to_string(seconds) + more;
  return run_load(command);
}

Outcome flow(const Settings& settings, const Broker& broker, std::size_t size, const std::string& more = "") {
  peer_load(settings, broker, size, std::min(0.5, settings.seconds), more);
  Outcome outcome;
  const Stretch stretch(broker);
  const auto result = peer_load(settings, broker, size, settings.seconds, more);
  stretch.finish(outcome);
  const double client_cpu_s = result.value("client_cpu_s", 0.0);
  outcome.others_cores = std::max(0.0, outcome.others_cores - (client_cpu_s - outcome.client_cpu_s) / outcome.seconds);
  outcome.client_cpu_s = client_cpu_s;
  outcome.operations = result.value("messages", 0.0);
  outcome.value = outcome.operations / result.value("seconds", outcome.seconds);
  return outcome;
}

Outcome plain_flow(const Settings& settings, std::size_t size) {
  const Broker broker(settings.tandemd, settings.directory + "/amqp");
  broker.settle_in();
  return flow(settings, broker, size);
}

/// 100,000 bindings with words, * and #; one of them leads to the queue of the flow, the others to a queue beside it.
Outcome amqp_bindings(const Settings& settings) {
  constexpr int count = 100'000;
  const Broker broker(settings.tandemd, settings.directory + "/bindings");
  broker.settle_in();
  const Client client = broker.connect();
  for (const char* queue : {"bench.flow", "beside"}) must(client.ask(DeclareQueue{.name = queue}), "declare");
  must(client.ask(DeclareExchange{.name = "patterns", .kind = "topic"}), "declare");
  for (int i = 0; i < count; ++i) {
    const bool is_ours = i == 7'077;
    const std::string key = "region." + std::to_string(i / 1'000) + ".sensor." + std::to_string(i % 1'000) + (i % 2 ? ".*" : ".#");
    must(client.ask(Bind{.source = "patterns", .destination = is_ours ? "bench.flow" : "beside", .routing_key = key}), "bind");
    if (i % 1'000 == 0) settings.progress("bind", i / static_cast<double>(count));
  }
  return flow(settings, broker, 100, " --exchange patterns --routing-key region.7.sensor.77.reading");
}

/// 10,000 connections that have opened a channel and say nothing.
Outcome amqp_connections(const Settings& settings) {
  constexpr int count = 10'000;
  const Broker broker(settings.tandemd, settings.directory + "/amqp-connections");
  std::vector<std::unique_ptr<support::RawAmqp>> open;
  Outcome outcome;
  const Stretch stretch(broker);
  for (int i = 0; i < count; ++i) {
    open.push_back(std::make_unique<support::RawAmqp>(broker.port("amqp")));
    if (!open.back()->open()) throw Failure("connection " + std::to_string(i) + " is refused");
  }
  stretch.finish(outcome);
  outcome.value = broker.use().rss_mib;
  outcome.more["connected /s"] = count / outcome.seconds;
  return outcome;
}

/// One message in flight: the time until its confirm.
Outcome amqp_confirm(const Settings& settings) {
  const Broker broker(settings.tandemd, settings.directory + "/amqp-confirm");
  broker.settle_in();
  Outcome outcome;
  const Stretch stretch(broker);
  const auto result = peer_load(settings, broker, 100, settings.seconds, " --work confirm --warm-up 0.5");
  stretch.finish(outcome);
  outcome.value = result.value("confirm_p50_us", 0.0);
  outcome.more["p99 µs"] = result.value("confirm_p99_us", 0.0);
  return outcome;
}

void add(std::vector<Workload>& all, std::string name, std::size_t size, double target) {
  Workload workload;
  workload.name = std::move(name);
  workload.what = std::to_string(size) + " B through the AMQP face, 1 publisher, 1 consumer";
  workload.unit = "messages/s";
  workload.target = target;
  workload.run = [size](const Settings& settings) { return plain_flow(settings, size); };
  workload.limit = [size](const Machine& machine) {
    return Limit{"loopback, twice", machine.loopback_bytes_per_s / (2.0 * static_cast<double>(size))};
  };
  all.push_back(std::move(workload));
}

}  // namespace

void add_amqp_workloads(std::vector<Workload>& all) {
  add(all, "amqp-100", 100, 600'000);
  add(all, "amqp-1k", 1'000, 300'000);
  Workload workload;
  workload.name = "amqp-confirm";
  workload.what = "AMQP face: a confirm with one message in flight";
  workload.unit = "µs p50";
  workload.better = Better::lower;
  workload.run = amqp_confirm;
  all.push_back(workload);
  workload.name = "amqp-connections-10k";
  workload.what = "AMQP face: RSS with 10,000 idle connections, a channel each";
  workload.unit = "MiB";
  workload.target = 150;
  workload.run = amqp_connections;
  all.push_back(workload);
  workload.name = "amqp-bindings-100k";
  workload.what = "100 B through the AMQP face and a topic exchange with 100,000 bindings";
  workload.unit = "messages/s";
  workload.better = Better::higher;
  workload.target = 300'000;
  workload.is_long = true;  // declaring them takes most of a minute
  workload.run = amqp_bindings;
  all.push_back(std::move(workload));
}

}  // namespace tandem::bench
