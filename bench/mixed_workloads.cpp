// Both modes at once: a queue, a topic, and transactions that take from one queue, put into another and append.
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "bench/broker.h"
#include "bench/flow.h"

namespace tandem::bench {
namespace {

constexpr std::size_t per_transaction = 16;
constexpr std::uint32_t waiting_at_most = 20'000;  // published and not taken
const EncodedProperties& properties() {
  static const EncodedProperties persistent;
  return persistent;
}

/// Threads that go on until the time is over or one of them fails, which the last one throws.
class Crowd {
 public:
  explicit Crowd(double seconds)
      : stop_at_(Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))) {}
  bool go_on() const { return !failed_ && Clock::now() < stop_at_; }
  bool failed() const { return failed_; }
  void add(std::function<void()> act) {
    threads_.emplace_back([this, act = std::move(act)] {
      try {
        act();
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
        failed_ = true;
      }
    });
  }
  void join() {
    for (auto& thread : threads_) thread.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  const Clock::time_point stop_at_;
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::exception_ptr failure_;
  std::vector<std::thread> threads_;
};

/// Publishes while `go_on`, never more than `waiting_at_most` ahead of what was taken.
void publish(const Client& client, const std::string& queue, const Crowd& crowd, std::atomic<std::uint64_t>& posted,
             const std::atomic<std::uint64_t>& taken) {
  auto publisher = must(Publisher::open(client), "publisher");
  const std::string body(100, 'b');
  const MessageParts message{"", queue, properties().bytes(), bytes_of(body)};
  while (crowd.go_on()) {
    if (posted >= taken + waiting_at_most) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      continue;
    }
    for (int i = 0; i < 64; ++i, ++posted) must(publisher.post(message), "post");
  }
  must(publisher.flush(), "publish");
}

void consume(const Client& client, const std::string& queue, const Crowd& crowd, std::atomic<std::uint64_t>& taken) {
  auto consumer = must(Consumer::open(client, {.queue = queue, .prefetch = 10'000}), "consumer");
  std::vector<Delivery> batch;
  while (crowd.go_on()) {
    const auto got = consumer.receive_many(batch, 1'000, Milliseconds(20));
    if (!got && got.error().code != ErrorCode::timed_out) throw Failure("receive: " + got.error().text);
    taken += batch.size();
    Consumer::ack_all(batch);
  }
  must(consumer.flush(), "ack");
}

void append(const Client& client, const Crowd& crowd, std::uint64_t& appended) {
  auto appender = must(TopicAppender::open(client, {.topic = "stream"}), "appender");
  const std::string value(100, 'v');
  Record record;
  record.value = value;
  while (crowd.go_on())
    for (int i = 0; i < 64; ++i, ++appended) must(appender.post(record), "append");
  must(appender.flush(), "append");
}

void tail(const Client& client, const Crowd& crowd, std::uint64_t& read) {
  auto reader = must(TopicReader::open(client, {{"stream", 0, 0}}), "reader");
  std::vector<TopicRecord> records;
  while (crowd.go_on()) {
    records.clear();
    read += must(reader.poll(records, 10'000, Milliseconds(20)), "poll");
  }
}

/// Each: 16 messages acked, 16 published elsewhere, 16 records appended, an offset committed. One at a time.
void transact(const Client& client, const Crowd& crowd, std::atomic<std::uint64_t>& taken, Histogram& times) {
  auto consumer = must(Consumer::open(client, {.queue = "work", .prefetch = 4 * per_transaction}), "consumer");
  const std::string value(100, 'v');
  Record record;
  record.value = value;
  const std::vector<Record> records(per_transaction, record);
  std::vector<Delivery> batch;
  for (Offset done = 0; crowd.go_on();) {
    const auto got = consumer.receive_many(batch, per_transaction - batch.size(), Milliseconds(20));
    if (!got && got.error().code != ErrorCode::timed_out) throw Failure("receive: " + got.error().text);
    if (batch.size() < per_transaction) continue;
    const auto begin = Clock::now();
    Transaction transaction(client);
    for (auto& delivery : batch) {
      transaction.publish(MessageParts{"", "done", properties().bytes(), delivery.parts().body});
      transaction.ack(std::move(delivery));
    }
    transaction.append("ledger", 0, records);
    transaction.commit_offset("mixed", "stream", 0, ++done);
    must(transaction.commit(), "commit");
    times.add(static_cast<std::uint64_t>(std::chrono::nanoseconds(Clock::now() - begin).count()));
    taken += batch.size();
    batch.clear();
  }
}

Outcome mixed(const Settings& settings) {
  const Broker broker(settings.tandemd, settings.directory + "/mixed");
  const Client client = broker.connect();
  for (const char* name : {"flow", "work", "done"}) must(client.ask(DeclareQueue{.name = name}), "declare");
  for (const char* name : {"stream", "ledger"}) must(client.ask(CreateTopic{.name = name}), "create");
  broker.settle_in();

  const Client connections[] = {broker.connect(), broker.connect(), broker.connect(), broker.connect()};
  std::atomic<std::uint64_t> posted{0}, taken{0}, work_posted{0}, work_taken{0}, done_taken{0};
  std::uint64_t appended = 0, read = 0;
  Histogram times;
  Outcome outcome;
  const Stretch stretch(broker);
  Crowd crowd(settings.seconds);
  crowd.add([&] { publish(connections[0], "flow", crowd, posted, taken); });
  crowd.add([&] { consume(connections[1], "flow", crowd, taken); });
  crowd.add([&] { append(connections[2], crowd, appended); });
  crowd.add([&] { tail(connections[3], crowd, read); });
  crowd.add([&] { publish(connections[0], "work", crowd, work_posted, work_taken); });
  crowd.add([&] { transact(connections[1], crowd, work_taken, times); });
  crowd.add([&] { consume(connections[1], "done", crowd, done_taken); });
  crowd.join();
  stretch.finish(outcome);
  if (done_taken > work_taken) throw Failure("more messages came out of the transactions than went in");
  outcome.operations = static_cast<double>(taken + appended + 4 * work_taken);
  outcome.value = outcome.operations / outcome.seconds;
  outcome.more["queue messages/s"] = static_cast<double>(taken) / outcome.seconds;
  outcome.more["records appended /s"] = static_cast<double>(appended) / outcome.seconds;
  outcome.more["records tailed /s"] = static_cast<double>(read) / outcome.seconds;
  outcome.more["transactions /s"] = static_cast<double>(times.count()) / outcome.seconds;
  outcome.more["transaction p50 µs"] = times.quantile_ns(0.5) / 1e3;
  outcome.more["transaction p99 µs"] = times.quantile_ns(0.99) / 1e3;
  return outcome;
}

}  // namespace

void add_mixed_workloads(std::vector<Workload>& all) {
  Workload workload;
  workload.name = "mixed";
  workload.what =
      "a queue, a topic and its reader, and transactions (16 acks, 16 publishes, 16 records, an offset), 100 B each";
  workload.unit = "operations/s";
  workload.run = mixed;
  workload.limit = [](const Machine& machine) { return Limit{"raw journal", machine.journal_bytes_per_s / 100}; };
  all.push_back(std::move(workload));
}

}  // namespace tandem::bench
