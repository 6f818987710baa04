// What a broker costs that stands: a backlog of a million messages, idleness, start.
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <thread>

#include "bench/broker.h"
#include "bench/flow.h"

namespace tandem::bench {
namespace {

void fill_queue(const Broker& broker, std::uint64_t count, std::size_t size) {
  const Client client = broker.connect();
  must(client.ask(DeclareQueue{.name = "backlog"}), "declare");
  auto publisher = must(Publisher::open(client), "publisher");
  const EncodedProperties properties;
  const std::string body(size, 'b');
  const MessageParts message{"", "backlog", properties.bytes(), bytes_of(body)};
  for (std::uint64_t i = 0; i < count; ++i) must(publisher.post(message), "publish");
  must(publisher.flush(), "publish");
}

std::uint64_t waiting(const Broker& broker) {
  const auto queues = must(broker.connect().ask(DescribeQueues{.name = "backlog"}), "describe");
  return queues.empty() ? 0 : queues.front().ready;
}

/// 1,000,000 messages of 1 KB wait: peak RSS while they came, after a kill -9, and how long that restart took.
Outcome backlog(const Settings& settings) {
  constexpr std::uint64_t count = 1'000'000;
  Broker broker(settings.tandemd, settings.directory + "/backlog");
  Outcome outcome;
  const Stretch stretch(broker);
  fill_queue(broker, count, 1'000);
  stretch.finish(outcome);
  outcome.operations = count;
  outcome.value = outcome.broker.rss_peak_mib;
  outcome.more["filled /s"] = count / outcome.seconds;
  outcome.more["RSS MiB"] = outcome.broker.rss_mib;
  broker.crash_and_restart();
  outcome.more["ready after kill -9 ms"] = broker.ready_ms();
  if (const auto left = waiting(broker); left != count)
    throw Failure(std::to_string(left) + " of " + std::to_string(count) + " confirmed messages are left after kill -9");
  outcome.more["RSS after kill -9 MiB"] = broker.use().rss_mib;
  broker.stop_and_restart();
  outcome.more["ready after stop ms"] = broker.ready_ms();
  return outcome;
}

Outcome idle(const Settings& settings) {
  const Broker broker(settings.tandemd, settings.directory + "/idle");
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // the first spare segment is written meanwhile
  Outcome outcome;
  const Stretch stretch(broker);
  std::this_thread::sleep_for(std::chrono::duration<double>(settings.seconds));
  stretch.finish(outcome);
  outcome.value = outcome.broker.rss_mib;
  outcome.more["CPU %"] = outcome.broker.cpu_s / outcome.seconds * 100;
  return outcome;
}

Outcome ready(const Settings& settings) {
  Outcome outcome;
  Broker broker(settings.tandemd, settings.directory + "/ready");
  outcome.value = broker.ready_ms();
  broker.stop_and_restart();
  outcome.more["second start ms"] = broker.ready_ms();
  return outcome;
}

/// 10,000 connections that are open and say nothing.
Outcome connections(const Settings& settings) {
  constexpr int count = 10'000;
  const Broker broker(settings.tandemd, settings.directory + "/connections");
  const double alone_mib = broker.use().rss_mib;
  asio::io_context io;
  const auto work = asio::make_work_guard(io);
  std::thread thread([&io] { io.run(); });
  Outcome outcome;
  {
    std::vector<Client> clients;
    clients.reserve(count);
    ClientOptions options;
    options.port = broker.port("native");
    options.executor = io.get_executor();
    options.heartbeat = Milliseconds(0);
    const Stretch stretch(broker);
    for (int i = 0; i < count; ++i) clients.push_back(must(Client::connect(options), "connect"));
    stretch.finish(outcome);
    outcome.more["connected /s"] = count / outcome.seconds;
    outcome.value = (broker.use().rss_mib - alone_mib) * 1024 / count;
    const auto before = broker.use().cpu_s;
    std::this_thread::sleep_for(std::chrono::seconds(1));
    outcome.more["CPU % idle"] = (broker.use().cpu_s - before) * 100;
    for (auto& client : clients) (void)client.close(Milliseconds(0));
  }
  io.stop();
  thread.join();
  return outcome;
}

void add(std::vector<Workload>& all, std::string name, std::string what, std::string unit,
         std::optional<double> target, std::function<Outcome(const Settings&)> run) {
  Workload workload;
  workload.name = std::move(name);
  workload.what = std::move(what);
  workload.unit = std::move(unit);
  workload.better = Better::lower;
  workload.target = target;
  workload.run = std::move(run);
  all.push_back(std::move(workload));
}

}  // namespace

void add_standing_workloads(std::vector<Workload>& all) {
  add(all, "backlog-1m", "1,000,000 x 1 KB wait in one queue: peak RSS, restart", "MiB", 256, backlog);
  all.back().goals = {{"ready after kill -9 ms", Better::lower, 1'000}};
  add(all, "idle", "RSS of an empty broker", "MiB", 15, idle);
  add(all, "ready", "start on an empty directory", "ms", 50, ready);
  add(all, "connections-10k", "RSS of each of 10,000 silent connections", "KiB", std::nullopt, connections);
}

}  // namespace tandem::bench
