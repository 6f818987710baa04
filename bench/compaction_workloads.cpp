// Compaction: how fast closed segments are written anew, and what that does to producers meanwhile.
#include <atomic>
#include <filesystem>
#include <mutex>
#include <thread>

#include "bench/broker.h"
#include "bench/flow.h"

namespace tandem::bench {
namespace {

constexpr const char* compacted_topic = "compacted";
constexpr const char* fresh_topic = "fresh";
constexpr std::size_t value_size_bytes = 1'000;
constexpr double produced_per_s = 10'000;
/// No compaction while the topic is filled: nothing is old enough. Lifting it is what starts the measured one.
constexpr const char* hold = "min.compaction.lag.ms";
/// The broker looks for work every ten seconds; a compaction of a few GB takes less than this on any disk of today.
constexpr auto compaction_patience = std::chrono::seconds(120);
constexpr auto look_every = std::chrono::milliseconds(10);
/// The checkpoint's thread did this much since the last look: it compacts.
constexpr double busy_cpu_s = 0.004;

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// Keys in an order without a pattern, each about `records / keys` times.
void fill(const Settings& settings, const Client& client, std::uint64_t records, std::uint64_t keys) {
  must(client.ask(CreateTopic{.name = compacted_topic,
                              .config = {{"cleanup.policy", "compact"}, {"segment.bytes", "67108864"}, {hold, "86400000"}}}),
       "create");
  auto appender = must(TopicAppender::open(client, {.topic = compacted_topic}), "appender");
  const std::string value(value_size_bytes, 'v');
  Record record;
  record.value = value;
  record.timestamp = now_ms();
  std::uint64_t random = 1;
  for (std::uint64_t i = 0; i < records; ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    const std::string key = "customer-" + std::to_string((random >> 33) % keys);
    record.key = key;
    must(appender.post(record), "append");
    if (i % 65'536 == 0) settings.progress("filling", static_cast<double>(i) / static_cast<double>(records));
  }
  must(appender.flush(), "append");
}

/// Bytes of the topic's segments, but for the newest one, which is never compacted. It is the broker's first topic.
double closed_bytes(const Broker& broker) {
  double sum = 0, newest = 0;
  std::string newest_name;
  for (const auto& entry : std::filesystem::directory_iterator(broker.directory() + "/topics/1/0")) {
    std::error_code gone;  // while it is looked at
    const auto size = static_cast<double>(entry.file_size(gone));
    if (gone) continue;
    sum += size;
    if (entry.path().filename() > newest_name) {
      newest_name = entry.path().filename();
      newest = size;
    }
  }
  return sum - newest;
}

std::uint64_t topic_size_bytes(const Client& client) {
  return must(client.ask(DescribeTopics{.name = compacted_topic}), "describe").at(0).partitions.at(0).size_bytes;
}

double checkpoint_cpu_s(const Broker& broker) { return broker.use().thread_cpu_s["checkpoint"]; }

/// From when the checkpoint's thread began to work until the topic has half of its size at most, which the broker says when
/// the checkpoint behind the compaction is on disk. `begun` is called at the first of the two.
template <class Begun>
std::pair<Clock::time_point, Clock::time_point> wait_for_compaction(const Broker& broker, const Client& client,
                                                                    std::uint64_t before_bytes, Begun begun) {
  const auto give_up = Clock::now() + compaction_patience;
  double before_s = checkpoint_cpu_s(broker);
  auto begin = Clock::time_point();
  while (Clock::now() < give_up) {
    std::this_thread::sleep_for(look_every);
    const double cpu_s = checkpoint_cpu_s(broker);
    if (begin == Clock::time_point() && cpu_s - before_s >= busy_cpu_s) {
      begin = Clock::now() - look_every;
      begun();
    }
    before_s = cpu_s;
    if (begin != Clock::time_point() && topic_size_bytes(client) <= before_bytes / 2) return {begin, Clock::now()};
  }
  throw Failure("no compaction came to its end");
}

/// The files that were compacted go little by little afterwards.
void wait_until_old_files_are_gone(const Broker& broker, const Client& client) {
  const auto give_up = Clock::now() + compaction_patience;
  while (closed_bytes(broker) > static_cast<double>(topic_size_bytes(client)))
    if (std::this_thread::sleep_for(look_every); Clock::now() > give_up) throw Failure("old files stay");
}

void let_it_begin(const Client& client) {
  must(client.ask(AlterTopic{.name = compacted_topic, .set = {{hold, "0"}}}), "alter");
}

/// A broker with a topic whose compaction waits for let_it_begin().
struct Filled {
  Filled(const Settings& settings, std::uint64_t records) : broker(settings.tandemd, settings.directory + "/compaction") {
    constexpr std::uint64_t keys = 200'000;
    fill(settings, client, records, keys);
    broker.wait_for_checkpoint();
    before_bytes = topic_size_bytes(client);
    bytes = closed_bytes(broker);
  }

  const Broker broker;
  const Client client = broker.connect();
  std::uint64_t before_bytes = 0;  // of the topic
  double bytes = 0;                // of closed segments, which is what compaction works on
};

Outcome speed(const Settings& settings) {
  const Filled filled(settings, 2'000'000);
  const auto& [broker, client, before_bytes, bytes] = filled;
  settings.progress("compacting", -1);
  Outcome outcome;
  let_it_begin(client);
  const Stretch stretch(broker);
  const auto [begin, end] = wait_for_compaction(broker, client, before_bytes, [] {});
  stretch.finish(outcome);
  outcome.seconds = std::chrono::duration<double>(end - begin).count();
  outcome.operations = bytes / 1e6;
  outcome.value = outcome.operations / outcome.seconds;
  outcome.more["MB compacted"] = bytes / 1e6;
  outcome.more["MB of the topic after"] = static_cast<double>(topic_size_bytes(client)) / 1e6;
  return outcome;
}

/// Confirms at a fixed rate, from when a record was due to its confirm. Which histogram they go into can be changed
/// meanwhile.
class Producer {
 public:
  explicit Producer(const Broker& broker) : client_(broker.connect()) {
    must(client_.ask(CreateTopic{.name = fresh_topic}), "create");
    AppenderOptions options{.topic = fresh_topic};
    options.on_outcome = [this](const AppendedAt& first, std::size_t count, const Error* error) {
      if (error) failed_ = true;
      else take(first.offset, count);
    };
    appender_ = must(TopicAppender::open(client_, options), "appender");
    thread_ = std::thread([this] { run(); });
  }
  ~Producer() { stop(); }
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  void record_into(Histogram* times) {
    const std::lock_guard lock(mutex_);
    times_ = times;
  }
  bool failed() const { return failed_; }

 private:
  void run() {
    const std::string value(value_size_bytes, 'v');
    Record record;
    record.value = value;
    record.timestamp = now_ms();
    for (std::uint64_t sent = 0; !stop_; std::this_thread::sleep_for(std::chrono::microseconds(50)))
      for (; static_cast<double>(sent) < seconds_since(begin_) * produced_per_s; ++sent)
        if (!appender_.post(record)) failed_ = stop_ = true;
    if (!appender_.flush()) failed_ = true;
  }
  void take(Offset first, std::size_t count) {
    const double now_s = seconds_since(begin_);
    const std::lock_guard lock(mutex_);
    if (!times_) return;
    for (std::size_t i = 0; i < count; ++i) {
      const double due_s = static_cast<double>(first + static_cast<Offset>(i)) / produced_per_s;
      times_->add(static_cast<std::uint64_t>(std::max(0.0, now_s - due_s) * 1e9));
    }
  }

  Client client_;
  TopicAppender appender_;
  std::mutex mutex_;
  Histogram* times_ = nullptr;
  std::atomic<bool> stop_{false}, failed_{false};
  const Clock::time_point begin_ = Clock::now();
  std::thread thread_;
};

Outcome beside_producer(const Settings& settings) {
  const Filled filled(settings, 3'000'000);
  const auto& [broker, client, before_bytes, bytes] = filled;
  Histogram alone, beside;
  Producer producer(broker);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  settings.progress("producing alone", -1);
  producer.record_into(&alone);
  std::this_thread::sleep_for(std::chrono::duration<double>(settings.seconds * 5));
  producer.record_into(nullptr);
  settings.progress("producing beside a compaction", -1);
  Outcome outcome;
  const Stretch stretch(broker);
  let_it_begin(client);
  const auto [begin, end] =
      wait_for_compaction(broker, client, before_bytes, [&] { producer.record_into(&beside); });
  wait_until_old_files_are_gone(broker, client);
  producer.record_into(nullptr);
  stretch.finish(outcome);
  producer.stop();
  if (producer.failed()) throw Failure("a record was not appended");
  outcome.seconds = std::chrono::duration<double>(end - begin).count();
  const double alone_us = alone.quantile_ns(0.99) / 1e3, beside_us = beside.quantile_ns(0.99) / 1e3;
  outcome.value = beside_us / alone_us;
  outcome.more["p99 µs alone"] = alone_us;
  outcome.more["p99 µs beside"] = beside_us;
  outcome.more["p50 µs alone"] = alone.quantile_ns(0.5) / 1e3;
  outcome.more["p50 µs beside"] = beside.quantile_ns(0.5) / 1e3;
  outcome.more["MB/s compacted meanwhile"] = bytes / 1e6 / outcome.seconds;
  return outcome;
}

}  // namespace

void add_compaction_workloads(std::vector<Workload>& all) {
  Workload workload;
  workload.name = "compaction";
  workload.what = "2 GB of 1 KB records with 200,000 keys, written anew";
  workload.unit = "MB/s";
  workload.target = 200;
  workload.is_long = true;
  workload.run = speed;
  workload.limit = [](const Machine& machine) { return Limit{"raw journal", machine.journal_bytes_per_s / 1e6}; };
  all.push_back(workload);
  workload.name = "compaction-beside";
  workload.what = "p99 of confirms of 10,000 x 1 KB/s beside a compaction, as a multiple of that without";
  workload.unit = "x p99 alone";
  workload.better = Better::lower;
  workload.target = 1.2;
  workload.goals = {{"MB/s compacted meanwhile", Better::higher, 200}};
  workload.run = beside_producer;
  workload.limit = nullptr;
  all.push_back(workload);
}

}  // namespace tandem::bench
