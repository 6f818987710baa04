// Queues: publish, confirm, deliver, ack, in several shapes.
#include <algorithm>

#include "bench/flow.h"
#include "bench/many_queues.h"

namespace tandem::bench {
namespace {

/// A message is written to the journal once, and crosses the loopback twice; whichever is the lower bound.
Limit flow_limit(const Machine& machine, std::size_t body_size_bytes) {
  const auto size = static_cast<double>(body_size_bytes);
  const double journal = machine.journal_bytes_per_s / size;
  const double loopback = machine.loopback_bytes_per_s / (2 * size);
  return journal < loopback ? Limit{"raw journal", journal} : Limit{"loopback, twice", loopback};
}

Outcome flow(const Settings& settings, const FlowPlan& plan) {
  const Broker broker(settings.tandemd, settings.directory + "/flow");
  declare_queues(broker.connect(), plan);
  return run_flow(broker, settings, plan);
}

void add(std::vector<Workload>& all, std::string name, std::string what, const FlowPlan& plan,
         std::optional<double> target = std::nullopt, bool is_long = false) {
  Workload workload;
  workload.is_long = is_long;
  workload.name = std::move(name);
  workload.what = std::move(what);
  workload.unit = "messages/s";
  workload.target = target;
  workload.run = [plan](const Settings& settings) { return flow(settings, plan); };
  workload.limit = [size = plan.body_size_bytes](const Machine& machine) { return flow_limit(machine, size); };
  all.push_back(std::move(workload));
}

/// One message into ten queues: counted once, delivered ten times.
Outcome fan_out(const Settings& settings) {
  FlowPlan plan;
  plan.queues = plan.copies = 10;
  plan.exchange = "fan";
  plan.in_flight_max = 5'000;
  const Broker broker(settings.tandemd, settings.directory + "/fan");
  const Client client = broker.connect();
  declare_queues(client, plan);
  must(client.ask(DeclareExchange{.name = plan.exchange, .kind = "fanout"}), "declare");
  for (int i = 0; i < plan.queues; ++i)
    must(client.ask(Bind{.source = plan.exchange, .destination = "flow." + std::to_string(i)}), "bind");
  return run_flow(broker, settings, plan);
}

/// One of 10,000 patterns matches.
Outcome pattern(const Settings& settings) {
  constexpr int bindings = 10'000;
  FlowPlan plan;
  plan.exchange = "patterns";
  plan.routing_key = "region.7.sensor.77.reading";
  const Broker broker(settings.tandemd, settings.directory + "/pattern");
  const Client client = broker.connect();
  declare_queues(client, plan);
  must(client.ask(DeclareExchange{.name = plan.exchange, .kind = "topic"}), "declare");
  for (int i = 0; i < bindings; ++i) {
    const std::string key =
        "region." + std::to_string(i / 1'000) + ".sensor." + std::to_string(i % 1'000) + (i % 2 ? ".*" : ".#");
    must(client.ask(Bind{.source = plan.exchange, .destination = "flow.0", .routing_key = key}), "bind");
  }
  return run_flow(broker, settings, plan);
}

Outcome many_queues(const Settings& settings, const ManyPlan& plan) {
  Broker broker(settings.tandemd, settings.directory + "/queues");
  ManyQueues queues(broker, plan);
  queues.declare();
  broker.settle_in();
  queues.subscribe(plan.prefetch);
  queues.flow(0.5);
  Outcome outcome;
  const Stretch stretch(broker);
  outcome.operations = static_cast<double>(queues.flow(settings.seconds));
  stretch.finish(outcome);
  outcome.value = outcome.operations / outcome.seconds;
  return outcome;
}

void add_many(std::vector<Workload>& all, int count) {
  Workload workload;
  const std::string number = count >= 1'000 ? std::to_string(count / 1'000) + "k" : std::to_string(count);
  workload.name = "queues-" + number;
  workload.what = "100 B over " + std::to_string(count) + " queues, a consumer each";
  workload.unit = "messages/s";
  workload.run = [count](const Settings& settings) { return many_queues(settings, {.queues = count}); };
  workload.limit = [](const Machine& machine) { return flow_limit(machine, 100); };
  all.push_back(std::move(workload));
}

/// The rest of sizes x publishers and consumers x prefetch; what is not in here is run by default.
void add_series(std::vector<Workload>& all) {
  const std::pair<std::size_t, std::string> sizes[] = {{100, ""}, {1'000, "-1k"}, {16'000, "-16k"}};
  for (const auto& [size, size_name] : sizes)
    for (const int threads : {1, 8})
      for (const std::uint32_t prefetch : {1u, 256u, 10'000u}) {
        const bool by_default = prefetch == 10'000 ? threads == 1 || size == 100 : threads == 1 && size == 100;
        if (by_default) continue;
        FlowPlan plan;
        plan.body_size_bytes = size;
        plan.publishers = plan.consumers = threads;
        plan.prefetch = size == 16'000 ? std::min(prefetch, 1'000u) : prefetch;
        if (size == 16'000) plan.in_flight_max = 2'000;
        std::string name = "queue" + size_name + (threads == 8 ? "-8x8" : "");
        if (prefetch < 10'000) name += "-prefetch-" + std::to_string(prefetch);
        add(all, name,
            std::to_string(size) + " B, " + std::to_string(threads) + " publishers and consumers, prefetch " +
                std::to_string(plan.prefetch),
            plan, std::nullopt, true);
      }
}

}  // namespace

void add_queue_workloads(std::vector<Workload>& all) {
  FlowPlan plan;
  add(all, "queue-100", "100 B, 1 publisher, 1 consumer", plan, 1'000'000);
  plan.body_size_bytes = 1'000;
  add(all, "queue-1k", "1 KB, 1 publisher, 1 consumer", plan, 500'000);
  plan.body_size_bytes = 16'000;
  plan.prefetch = 1'000;
  plan.in_flight_max = 2'000;
  add(all, "queue-16k", "16 KB, 1 publisher, 1 consumer", plan);
  plan = {};
  plan.publishers = plan.consumers = 8;
  add(all, "queue-8x8", "100 B, 8 publishers, 8 consumers, one queue", plan);
  plan = {};
  plan.prefetch = 1;
  add(all, "queue-prefetch-1", "100 B, prefetch 1", plan);
  plan = {};
  plan.prefetch = 256;
  add(all, "queue-prefetch-256", "100 B, prefetch 256", plan);
  add_series(all);
  for (const int count : {100, 10'000}) add_many(all, count);

  Workload workload;
  workload.unit = "messages/s";
  workload.limit = [](const Machine& machine) {
    return Limit{"loopback, 11 times", machine.loopback_bytes_per_s / (11 * 100)};
  };
  workload.name = "fan-out-10";
  workload.what = "100 B into 10 queues; each message counted once";
  workload.run = fan_out;
  all.push_back(workload);
  workload.name = "pattern-10k";
  workload.what = "100 B through a topic exchange with 10,000 bindings";
  workload.limit = [](const Machine& machine) { return flow_limit(machine, 100); };
  workload.run = pattern;
  all.push_back(workload);
}

}  // namespace tandem::bench
