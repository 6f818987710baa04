// How long one message takes when it is alone: confirm with one in flight, request and reply.
#include <atomic>
#include <future>
#include <thread>

#include "bench/broker.h"
#include "bench/flow.h"

namespace tandem::bench {
namespace {

MessageParts parts_of(const EncodedProperties& properties, const std::string& queue, const std::string& body) {
  return {"", queue, properties.bytes(), bytes_of(body)};
}

std::uint64_t ns_since(Clock::time_point begin) {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(Clock::now() - begin).count());
}

void fill(Outcome& outcome, const Histogram& times) {
  outcome.value = times.quantile_ns(0.5) / 1e3;
  outcome.operations = static_cast<double>(times.count());
  outcome.more["p99 µs"] = times.quantile_ns(0.99) / 1e3;
  outcome.more["p99.9 µs"] = times.quantile_ns(0.999) / 1e3;
}

/// The next message is published from the callback of the last one's confirm: what an asynchronous program sees,
/// without a thread to wake.
class OneInFlight {
 public:
  OneInFlight(const Client& client, double seconds)
      : publisher_(must(Publisher::open(client), "publisher")), seconds_(seconds) {}

  Histogram run() {
    begin_ = Clock::now();
    next();
    done_.get_future().get();
    return times_;
  }

 private:
  void next() {
    const auto start = Clock::now();
    publisher_.publish(parts_of(properties_, "latency", body_), Mandatory::no, [this, start](Result<> confirmed) {
      if (!confirmed) return done_.set_exception(std::make_exception_ptr(Failure(confirmed.error().text)));
      times_.add(ns_since(start));
      if (seconds_since(begin_) >= seconds_) return done_.set_value();
      next();
    });
  }

  Publisher publisher_;
  const double seconds_;
  const EncodedProperties properties_;
  const std::string body_ = std::string(100, 'b');
  Clock::time_point begin_;
  Histogram times_;
  std::promise<void> done_;
};

Outcome confirm(const Settings& settings) {
  const Broker broker(settings.tandemd, settings.directory + "/latency");
  const Client client = broker.connect();
  must(client.ask(DeclareQueue{.name = "latency"}), "declare");
  OneInFlight(client, 0.2).run();
  Outcome outcome;
  const Stretch stretch(broker);
  const Histogram times = OneInFlight(client, settings.seconds).run();
  stretch.finish(outcome);
  fill(outcome, times);
  return outcome;
}

Outcome confirm_blocking(const Settings& settings) {
  const Broker broker(settings.tandemd, settings.directory + "/latency");
  const Client client = broker.connect();
  must(client.ask(DeclareQueue{.name = "latency"}), "declare");
  auto publisher = must(Publisher::open(client), "publisher");
  const EncodedProperties properties;
  const std::string body(100, 'b');
  Histogram times;
  Outcome outcome;
  const Stretch stretch(broker);
  const auto begin = Clock::now();
  while (seconds_since(begin) < settings.seconds) {
    const auto start = Clock::now();
    must(publisher.publish(parts_of(properties, "latency", body)), "publish");
    times.add(ns_since(start));
  }
  stretch.finish(outcome);
  fill(outcome, times);
  return outcome;
}

/// A transient request to a server that answers to the asker's queue, one at a time.
Outcome request_reply(const Settings& settings) {
  const Broker broker(settings.tandemd, settings.directory + "/reply");
  const Client asking = broker.connect(), serving = broker.connect();
  must(serving.ask(DeclareQueue{.name = "requests", .durable = false}), "declare");
  must(asking.ask(DeclareQueue{.name = "replies", .durable = false}), "declare");
  Properties transient;
  transient.delivery_mode = 1;
  const EncodedProperties properties(transient);
  const std::string body(100, 'b');

  auto replying = must(Publisher::open(serving), "publisher");
  ConsumerOptions server{.queue = "requests", .no_ack = true};
  server.on_delivery = [&](const Delivery& request) {
    (void)replying.try_post(parts_of(properties, "replies", std::string(request.body())));
  };
  const auto serve = must(Consumer::open(serving, server), "consumer");
  auto publisher = must(Publisher::open(asking), "publisher");
  auto replies = must(Consumer::open(asking, {.queue = "replies", .no_ack = true}), "consumer");
  Histogram times;
  Outcome outcome;
  const Stretch stretch(broker);
  const auto begin = Clock::now();
  while (seconds_since(begin) < settings.seconds) {
    const auto start = Clock::now();
    must(publisher.post(parts_of(properties, "requests", body)), "publish");
    must(replies.receive(Milliseconds(2'000)), "reply");
    times.add(ns_since(start));
  }
  stretch.finish(outcome);
  fill(outcome, times);
  return outcome;
}

void add(std::vector<Workload>& all, std::string name, std::string what, std::function<Outcome(const Settings&)> run,
         std::function<Limit(const Machine&)> limit, std::optional<double> target_share = std::nullopt) {
  Workload workload;
  workload.name = std::move(name);
  workload.what = std::move(what);
  workload.unit = "µs p50";
  workload.better = Better::lower;
  workload.run = std::move(run);
  workload.limit = std::move(limit);
  workload.target = target_share;
  workload.target_is_share = target_share.has_value();
  all.push_back(std::move(workload));
}

}  // namespace

void add_latency_workloads(std::vector<Workload>& all) {
  const auto sync = [](const Machine& machine) { return Limit{"fdatasync of 4 KB", machine.sync_4k_p50_us}; };
  const auto round_trips = [](const Machine& machine) { return Limit{"2 round trips", 2 * machine.round_trip_us}; };
  add(all, "confirm", "100 B, one in flight, confirms called back", confirm, sync, 1.8);
  add(all, "confirm-blocking", "the same, by a thread that waits for each", confirm_blocking, sync);
  add(all, "request-reply", "100 B there and back, transient, one at a time", request_reply, round_trips);
}

}  // namespace tandem::bench
