// How long a message takes at a fixed rate. Its time begins when it was due, not when it was sent, so that a stall counts
// for every message it held up: no coordinated omission.
#include <atomic>
#include <cstring>
#include <thread>

#include "bench/broker.h"
#include "bench/flow.h"

namespace tandem::bench {
namespace {

constexpr const char* queue = "latency";
constexpr std::size_t body_size_bytes = 100;
constexpr auto arrival_patience = std::chrono::seconds(10);

struct Times {
  Histogram confirmed, delivered;
};

std::uint64_t late_ns(Clock::time_point begin, std::uint64_t number, double gap_ns) {
  const auto passed_ns = static_cast<double>(std::chrono::nanoseconds(Clock::now() - begin).count());
  return static_cast<std::uint64_t>(std::max(0.0, passed_ns - static_cast<double>(number) * gap_ns));
}

/// Publishes at a fixed rate to a queue that is consumed and acked.
Times at_rate(const Broker& broker, double per_second, double seconds) {
  const double gap_ns = 1e9 / per_second;
  Times times;
  std::atomic<std::uint64_t> arrived{0};
  const Clock::time_point begin = Clock::now() + std::chrono::milliseconds(20);  // connections are made before
  const Client client = broker.connect(), consuming = broker.connect();
  ConsumerOptions draining{.queue = queue, .prefetch = 10'000};
  draining.on_delivery = [&](Delivery delivery) {
    std::uint64_t number = 0;
    std::memcpy(&number, delivery.body().data(), sizeof number);
    times.delivered.add(late_ns(begin, number, gap_ns));
    delivery.ack();
    ++arrived;
  };
  auto drain = must(Consumer::open(consuming, draining), "consumer");
  PublisherOptions options;
  options.window_messages = 1'000'000;
  options.on_outcome = [&](const PublishOutcome& outcome) {
    for (auto seq = outcome.first; seq <= outcome.last; ++seq) times.confirmed.add(late_ns(begin, seq - 1, gap_ns));
  };
  auto publisher = must(Publisher::open(client, options), "publisher");
  const EncodedProperties properties;
  std::string body(body_size_bytes, 'b');
  std::this_thread::sleep_until(begin);
  std::uint64_t sent = 0;
  for (double now_s = 0; now_s < seconds; now_s = seconds_since(begin)) {
    for (; static_cast<double>(sent) * gap_ns <= now_s * 1e9; ++sent) {
      std::memcpy(body.data(), &sent, sizeof sent);
      must(publisher.post(MessageParts{"", queue, properties.bytes(), bytes_of(body)}), "publish");
    }
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  must(publisher.flush(), "publish");
  const auto patience_end = Clock::now() + arrival_patience;
  while (arrived < sent && Clock::now() < patience_end) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (arrived != sent) throw Failure("not all that was published at a fixed rate arrived");
  must(drain.flush(), "ack");
  must(drain.close(), "close");  // no callback after this: it refers to this function's variables
  return times;
}

Outcome fixed_rate(const Settings& settings, double per_second) {
  const Broker broker(settings.tandemd, settings.directory + "/rate");
  must(broker.connect().ask(DeclareQueue{.name = queue}), "declare");
  Outcome outcome;
  const Stretch stretch(broker);
  const Times times = at_rate(broker, per_second, settings.seconds);
  stretch.finish(outcome);
  outcome.operations = static_cast<double>(times.confirmed.count());
  outcome.value = times.confirmed.quantile_ns(0.5) / 1e3;
  outcome.more["p99 µs"] = times.confirmed.quantile_ns(0.99) / 1e3;
  outcome.more["p99.9 µs"] = times.confirmed.quantile_ns(0.999) / 1e3;
  outcome.more["delivered p50 µs"] = times.delivered.quantile_ns(0.5) / 1e3;
  outcome.more["delivered p99 µs"] = times.delivered.quantile_ns(0.99) / 1e3;
  return outcome;
}

/// Finds the peak, then goes at shares of it. Each has beside it a bare pwrite + fdatasync of as many bytes per second as
/// the broker wrote then.
Outcome shares_of_peak(const Settings& settings) {
  const Broker broker(settings.tandemd, settings.directory + "/rate");
  const Client client = broker.connect();
  must(client.ask(DeclareQueue{.name = queue}), "declare");
  const FlowPlan plan{.body_size_bytes = body_size_bytes};
  declare_queues(client, plan);
  const double peak_per_s = run_flow(broker, settings, plan).value;
  Outcome outcome;
  outcome.more["peak /s"] = peak_per_s;
  const Stretch stretch(broker);
  for (const int percent : {10, 50, 80}) {
    const double per_second = peak_per_s * percent / 100;
    at_rate(broker, per_second, std::min(0.3, settings.seconds));
    const double written_before = broker.use().written_bytes;
    const auto begin = Clock::now();
    const Times times = at_rate(broker, per_second, settings.seconds);
    const double bytes_per_s = (broker.use().written_bytes - written_before) / seconds_since(begin);
    const BareSyncs bare = bare_syncs(settings.directory, bytes_per_s, per_second, settings.seconds);
    const std::string at = std::to_string(percent) + " %: ";
    outcome.more[at + "confirmed p50 µs"] = times.confirmed.quantile_ns(0.5) / 1e3;
    outcome.more[at + "confirmed p99 µs"] = times.confirmed.quantile_ns(0.99) / 1e3;
    outcome.more[at + "confirmed p99.9 µs"] = times.confirmed.quantile_ns(0.999) / 1e3;
    outcome.more[at + "delivered p99 µs"] = times.delivered.quantile_ns(0.99) / 1e3;
    outcome.more[at + "bare sync p99 µs"] = bare.syncs.quantile_ns(0.99) / 1e3;
    outcome.more[at + "bare sync, p99 of what waits for it µs"] = bare.messages.quantile_ns(0.99) / 1e3;
    outcome.more[at + "MB/s written"] = bytes_per_s / 1e6;
    outcome.operations += static_cast<double>(times.confirmed.count());
    if (percent != 50) continue;
    outcome.value = times.confirmed.quantile_ns(0.99) / 1e3;
    outcome.limit = bare.syncs.quantile_ns(0.99) / 1e3;
  }
  stretch.finish(outcome);
  return outcome;
}

}  // namespace

void add_rate_workloads(std::vector<Workload>& all) {
  Workload workload;
  workload.better = Better::lower;
  workload.unit = "µs p50";
  workload.limit = [](const Machine& machine) { return Limit{"fdatasync of 4 KB", machine.sync_4k_p50_us}; };
  for (const int rate : {50'000, 250'000}) {
    workload.name = "rate-" + std::to_string(rate / 1'000) + "k";
    workload.what = "confirms of 100 B at " + std::to_string(rate) + "/s, drained";
    workload.run = [rate](const Settings& settings) { return fixed_rate(settings, rate); };
    all.push_back(workload);
  }
  workload.name = "rate-of-peak";
  workload.what = "confirms of 100 B at 10, 50 and 80 % of the peak, drained; judged at 50 %";
  workload.unit = "µs p99";
  workload.target = 3;
  workload.target_is_share = true;
  workload.limit = nullptr;
  workload.limit_what = "fdatasync p99, same bytes";
  workload.run = shares_of_peak;
  all.push_back(workload);
}

}  // namespace tandem::bench
