// The AMQP face, with the load that the peers get too (bench/peers): a process of its own with prebuilt frames.
#include "bench/flow.h"
#include "bench/load_process.h"

namespace tandem::bench {
namespace {

nlohmann::json peer_load(const Settings& settings, const Broker& broker, std::size_t size, double seconds) {
  const std::string command = settings.peer_load + " amqp --port " + std::to_string(broker.port("amqp")) + " --size " +
                              std::to_string(size) + " --seconds " + std::to_string(seconds);
  return run_load(command);
}

Outcome flow(const Settings& settings, std::size_t size) {
  const Broker broker(settings.tandemd, settings.directory + "/amqp");
  broker.settle_in();
  peer_load(settings, broker, size, std::min(0.5, settings.seconds));
  Outcome outcome;
  const Stretch stretch(broker);
  const auto result = peer_load(settings, broker, size, settings.seconds);
  stretch.finish(outcome);
  const double client_cpu_s = result.value("client_cpu_s", 0.0);
  outcome.others_cores = std::max(0.0, outcome.others_cores - (client_cpu_s - outcome.client_cpu_s) / outcome.seconds);
  outcome.client_cpu_s = client_cpu_s;
  outcome.operations = result.value("messages", 0.0);
  outcome.value = outcome.operations / result.value("seconds", outcome.seconds);
  return outcome;
}

void add(std::vector<Workload>& all, std::string name, std::size_t size, double target) {
  Workload workload;
  workload.name = std::move(name);
  workload.what = std::to_string(size) + " B through the AMQP face, 1 publisher, 1 consumer";
  workload.unit = "messages/s";
  workload.target = target;
  workload.run = [size](const Settings& settings) { return flow(settings, size); };
  workload.limit = [size](const Machine& machine) {
    return Limit{"loopback, twice", machine.loopback_bytes_per_s / (2.0 * static_cast<double>(size))};
  };
  all.push_back(std::move(workload));
}

}  // namespace

void add_amqp_workloads(std::vector<Workload>& all) {
  add(all, "amqp-100", 100, 600'000);
  add(all, "amqp-1k", 1'000, 300'000);
}

}  // namespace tandem::bench
