// A backlog over 10,000 queues: filling, a crash, standing, draining.
#include <chrono>
#include <filesystem>
#include <thread>

#include "bench/flow.h"
#include "bench/many_queues.h"

namespace tandem::bench {
namespace {

constexpr double mib = 1 << 20;
constexpr double journal_max_bytes = 512u << 20;  // its size by default: limits::journal_size_max_bytes of the broker
constexpr double stored_size_bytes = 1'100;     // a message of 1,000 B with its header, its record and room for error
constexpr double left_share = 0.1;              // of the backlog, when what the disk holds is compared with what lives
constexpr const char* rss = "peak RSS MiB";
constexpr const char* ready_ms = "ready after kill -9 ms";
constexpr const char* disk_share = "disk / (1.5 x live + journal)";

void need_disk(const Settings& settings, std::uint64_t count) {
  const double needed = static_cast<double>(count) * stored_size_bytes * 1.2 + 3 * journal_max_bytes;
  const auto available = static_cast<double>(std::filesystem::space(settings.directory).available);
  if (available < needed)
    throw Skipped("needs " + std::to_string(static_cast<int>(needed / 1e9)) + " GB of disk, and " +
                  std::to_string(static_cast<int>(available / 1e9)) + " are free");
}

double flow_per_s(const Broker& broker, ManyQueues& queues, double seconds, Outcome& outcome) {
  queues.flow(std::min(0.5, seconds));
  const Stretch stretch(broker);
  outcome.operations = static_cast<double>(queues.flow(seconds));
  stretch.finish(outcome);
  return outcome.operations / outcome.seconds;
}

/// What a drain leaves of the disk's space is given back by a checkpoint, a second after the last one at the latest.
void let_it_give_back(const Broker& broker) {
  std::this_thread::sleep_for(std::chrono::seconds(2));
  broker.wait_for_checkpoint();
}

/// What waits on the disk, compared with what the target allows for it.
void measure_disk(const Broker& broker, double live_messages, const std::string& when, Outcome& outcome) {
  const auto used = static_cast<double>(broker.disk_used_bytes());
  outcome.more["disk MiB, " + when] = used / mib;
  outcome.more[disk_share] = used / (1.5 * live_messages * stored_size_bytes + journal_max_bytes);
}

/// value: throughput through queues in which all this waits, in percent of the throughput through the same queues when
/// they are empty. Both deliver the oldest first, so with the backlog every message is read from disk.
Outcome standing(const Settings& settings, std::uint64_t count, bool in_turn) {
  need_disk(settings, count);
  Broker broker(settings.tandemd, settings.directory + "/backlog");
  ManyQueues queues(broker, {.body_size_bytes = 1'000, .in_turn = in_turn});
  Outcome outcome;
  const auto report = [&](const char* doing) { return [&, doing](double share) { settings.progress(doing, share); }; };

  report("none waiting")(-1);
  queues.declare();
  broker.settle_in();
  queues.subscribe(10);
  const double none_per_s = flow_per_s(broker, queues, settings.seconds, outcome);
  queues.unsubscribe();

  const auto begin = Clock::now();
  queues.fill(count, report("filling"));
  outcome.more["filled /s"] = static_cast<double>(count) / seconds_since(begin);
  outcome.more["disk MiB, full"] = static_cast<double>(broker.disk_used_bytes()) / mib;
  double rss_peak_mib = broker.use().rss_peak_mib;
  report("kill -9, and a start")(-1);
  broker.crash_and_restart();
  outcome.more[ready_ms] = broker.ready_ms();
  if (const auto left = queues.waiting(); left != count)
    throw Failure(std::to_string(left) + " of " + std::to_string(count) + " confirmed messages are left after kill -9");

  report("standing")(-1);
  queues.subscribe(10);
  const double standing_per_s = flow_per_s(broker, queues, settings.seconds, outcome);
  outcome.more["none waiting /s"] = none_per_s;
  outcome.more["all waiting /s"] = standing_per_s;

  const auto left = static_cast<std::uint64_t>(static_cast<double>(count) * left_share);
  const auto drain_begin = Clock::now();
  queues.drain(count - left, report("draining"));
  outcome.more["drained /s"] = static_cast<double>(count - left) / seconds_since(drain_begin);
  let_it_give_back(broker);
  measure_disk(broker, static_cast<double>(left), "a tenth left", outcome);
  queues.drain(left, report("draining"));
  queues.unsubscribe();
  let_it_give_back(broker);
  outcome.more["disk MiB, drained"] = static_cast<double>(broker.disk_used_bytes()) / mib;
  if (const auto more = queues.waiting(); more != 0)
    throw Failure(std::to_string(more) + " messages are left after the drain");
  outcome.broker.rss_peak_mib = std::max(rss_peak_mib, broker.use().rss_peak_mib);
  outcome.more[rss] = outcome.broker.rss_peak_mib;
  outcome.value = standing_per_s / none_per_s * 100;
  return outcome;
}

void add(std::vector<Workload>& all, std::string name, std::string what, std::uint64_t count, bool in_turn = true) {
  Workload workload;
  workload.name = std::move(name);
  workload.what = std::move(what);
  workload.unit = "% of none";
  workload.target = 60;
  workload.goals = {{rss, Better::lower, 256}, {ready_ms, Better::lower, 1'000}, {disk_share, Better::lower, 1}};
  workload.is_long = true;
  workload.run = [count, in_turn](const Settings& settings) { return standing(settings, count, in_turn); };
  all.push_back(std::move(workload));
}

}  // namespace

void add_backlog_workloads(std::vector<Workload>& all) {
  add(all, "backlog-1m-10k", "throughput while 1,000,000 x 1 KB wait in 10,000 queues", 1'000'000);
  add(all, "backlog-1m-scattered", "the same, published to the queues in no order", 1'000'000, false);
  add(all, "backlog-10m", "the same as backlog-1m-10k with 10,000,000 x 1 KB (15 GB of disk, some minutes)", 10'000'000);
}

}  // namespace tandem::bench
