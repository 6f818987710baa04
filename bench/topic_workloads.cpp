// Topics: append, append and tail, 1 MB batches, catch-up.
#include <atomic>
#include <filesystem>
#include <thread>

#include "bench/broker.h"
#include "bench/flow.h"
#include "bench/page_cache.h"

namespace tandem::bench {
namespace {

constexpr const char* topic = "readings";
constexpr std::size_t poll_max = 10'000;

struct Plan {
  std::size_t value_size_bytes = 100;
  int partitions = 1;
  std::size_t batch_size_max_bytes = 256u << 10;
  bool tail = false;  // a reader follows; its records count
};

/// Reads until it has passed `end` records in all, once that is known.
std::uint64_t read_along(const Client& client, int partitions, const std::atomic<std::uint64_t>& end) {
  std::vector<Position> from;
  for (int i = 0; i < partitions; ++i) from.push_back({topic, i, 0});
  auto reader = must(TopicReader::open(client, from), "reader");
  std::vector<TopicRecord> records;
  std::uint64_t count = 0;
  while (count < end) {
    records.clear();
    count += must(reader.poll(records, poll_max, Milliseconds(50)), "poll");
  }
  return count;
}

/// Appends until `go_on` says no; everything is on disk when it returns.
template <class GoOn>
std::uint64_t append_while(const Client& client, const Plan& plan, GoOn go_on) {
  auto appender = must(
      TopicAppender::open(client, {.topic = topic, .batch_size_max_bytes = plan.batch_size_max_bytes}), "appender");
  const std::string value(plan.value_size_bytes, 'v');
  Record record;
  record.value = value;
  // Of now, as retention by time would delete them otherwise; the same for all, as a clock is not what is measured.
  record.timestamp = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::uint64_t count = 0;
  for (; count % 64 != 0 || go_on(count); ++count) {
    if (plan.partitions > 1) record.partition = static_cast<std::int32_t>(count / 64 % static_cast<std::uint64_t>(plan.partitions));
    must(appender.post(record), "append");
  }
  must(appender.flush(), "append");
  return count;
}

Outcome append(const Settings& settings, const Plan& plan) {
  const Broker broker(settings.tandemd, settings.directory + "/topic");
  const Client client = broker.connect(), reading = broker.connect();
  broker.settle_in();
  must(client.ask(CreateTopic{.name = topic, .partitions = plan.partitions}), "create");
  std::atomic<std::uint64_t> end{~std::uint64_t{0}};
  std::uint64_t read = 0;
  std::thread tail;
  if (plan.tail) tail = std::thread([&] { read = read_along(reading, plan.partitions, end); });
  const auto warm_until = Clock::now() + std::chrono::milliseconds(300);
  const auto warmed = append_while(client, plan, [&](std::uint64_t) { return Clock::now() < warm_until; });

  Outcome outcome;
  const Stretch stretch(broker);
  const auto stop_at = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(settings.seconds));
  const auto appended = append_while(client, plan, [&](std::uint64_t) { return Clock::now() < stop_at; });
  end = warmed + appended;
  if (tail.joinable()) tail.join();
  if (plan.tail && read != warmed + appended) throw Failure("the reader got another number of records than were appended");
  stretch.finish(outcome);
  outcome.operations = static_cast<double>(appended);
  outcome.value = outcome.operations / outcome.seconds;
  return outcome;
}

Outcome append_bytes(const Settings& settings, const Plan& plan) {
  Outcome outcome = append(settings, plan);
  const double bytes = outcome.operations * static_cast<double>(plan.value_size_bytes);
  outcome.value = bytes / outcome.seconds / 1e9;
  outcome.operations = bytes / 1e6;
  return outcome;
}

/// Fills a topic, then reads all of it, repeatedly until the time is over.
Outcome catch_up(const Settings& settings) {
  constexpr std::uint64_t records = 512'000;
  const Plan plan{.value_size_bytes = 1'000, .batch_size_max_bytes = 1u << 20};
  const Broker broker(settings.tandemd, settings.directory + "/topic");
  const Client client = broker.connect();
  must(client.ask(CreateTopic{.name = topic}), "create");
  const auto appended = append_while(client, plan, [&](std::uint64_t count) { return count < records; });
  const std::atomic<std::uint64_t> end{appended};
  broker.wait_for_checkpoint();
  read_along(client, 1, end);  // what went home is on the disk only

  Outcome outcome;
  const Stretch stretch(broker);
  const auto begin = Clock::now();
  double bytes = 0;
  do {
    bytes += static_cast<double>(read_along(client, 1, end) * plan.value_size_bytes);
  } while (seconds_since(begin) < settings.seconds);
  stretch.finish(outcome);
  outcome.value = bytes / outcome.seconds / 1e9;
  outcome.operations = bytes / 1e6;
  return outcome;
}

/// A topic of 4 GB that neither the broker nor the page cache has, read from the start.
Outcome cold_catch_up(const Settings& settings) {
  constexpr std::uint64_t records = 4'000'000, disk_needed_bytes = 10ull << 30;
  if (std::filesystem::space(settings.directory).available < disk_needed_bytes) throw Skipped("needs 10 GiB of disk");
  const Plan plan{.value_size_bytes = 1'000, .batch_size_max_bytes = 1u << 20};
  Broker broker(settings.tandemd, settings.directory + "/cold");
  must(broker.connect().ask(CreateTopic{.name = topic}), "create");
  const std::atomic<std::uint64_t> end{append_while(broker.connect(), plan, [&](std::uint64_t count) {
    if (count % 65'536 == 0) settings.progress("filling", static_cast<double>(count) / records);
    return count < records;
  })};
  broker.wait_for_checkpoint();
  broker.stop();
  const Eviction eviction = evict(broker.directory());
  broker.start();
  settings.progress("reading", -1);
  Outcome outcome;
  const Stretch stretch(broker);
  const double bytes = static_cast<double>(read_along(broker.connect(), 1, end) * plan.value_size_bytes);
  stretch.finish(outcome);
  outcome.value = bytes / outcome.seconds / 1e9;
  outcome.operations = bytes / 1e6;
  outcome.more["still in the page cache before, %"] = eviction.resident_share * 100;
  broker.stop();
  evict(broker.directory());
  outcome.limit = read_all(broker.directory()) / 1e9;
  outcome.note = "page cache emptied by " + eviction.how + "; a virtual machine's host may have had the files";
  broker.start();
  return outcome;
}

Limit records_limit(const Machine& machine) {
  return {"raw journal", machine.journal_bytes_per_s / 100};
}
Limit loopback_limit(const Machine& machine) {
  return {"loopback", machine.loopback_bytes_per_s / 1e9};
}

}  // namespace

void add_topic_workloads(std::vector<Workload>& all) {
  Workload workload;
  workload.unit = "records/s";
  workload.limit = records_limit;
  workload.name = "topic-append-100";
  workload.what = "records of 100 B, one partition, confirmed";
  workload.target = 3'000'000;
  workload.run = [](const Settings& settings) { return append(settings, {}); };
  all.push_back(workload);
  workload.name = "topic-tail-100";
  workload.what = "records of 100 B appended, and read as they come";
  workload.run = [](const Settings& settings) { return append(settings, {.tail = true}); };
  all.push_back(workload);
  workload.name = "topic-tail-1k";
  workload.what = "records of 1 KB appended, and read as they come";
  workload.target.reset();
  workload.limit = [](const Machine& machine) { return Limit{"raw journal", machine.journal_bytes_per_s / 1'000}; };
  workload.run = [](const Settings& settings) { return append(settings, {.value_size_bytes = 1'000, .tail = true}); };
  all.push_back(workload);
  workload.name = "partitions-2000";
  workload.what = "records of 100 B over 2,000 partitions";
  workload.limit = records_limit;
  workload.run = [](const Settings& settings) { return append(settings, {.partitions = 2'000}); };
  all.push_back(workload);

  workload.unit = "GB/s";
  workload.name = "topic-append-1m";
  workload.what = "batches of 1 MB (records of 64 KB)";
  workload.target = 0.8;
  workload.target_is_share = true;
  workload.limit = [](const Machine& machine) { return Limit{"raw journal", machine.journal_bytes_per_s / 1e9}; };
  workload.run = [](const Settings& settings) {
    return append_bytes(settings, {.value_size_bytes = 64'000, .batch_size_max_bytes = 1u << 20});
  };
  all.push_back(workload);
  workload.name = "topic-catch-up";
  workload.what = "512 MB of 1 KB records read from the start, page cache warm";
  workload.target = 2;
  workload.target_is_share = false;
  workload.limit = loopback_limit;
  workload.run = catch_up;
  all.push_back(workload);
  workload.name = "topic-cold-4g";
  workload.what = "4 GB of 1 KB records read from the start, page cache emptied";
  workload.target.reset();
  workload.is_long = true;
  workload.limit = nullptr;
  workload.limit_what = "cold read of the files";
  workload.run = cold_catch_up;
  all.push_back(workload);
}

}  // namespace tandem::bench
