#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <mutex>
#include <thread>

#include "bench/measure.h"
#include "bench/peers/load.h"

namespace tandem::bench::peers {

LoadResult run_flow(Flow& flow, const std::function<void()>& publish, const std::function<void()>& consume) {
  std::mutex mutex;
  std::exception_ptr failure;
  const auto guard = [&](const std::function<void()>& act) {
    try {
      act();
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      flow.failed = true;
    }
  };
  std::thread consumer([&] { guard(consume); });
  std::thread publisher([&] { guard(publish); });
  std::this_thread::sleep_for(std::chrono::duration<double>(flow.plan.warm_up_s));
  const auto begin = Clock::now();
  const double cpu_before_s = own_cpu_s();
  const std::uint64_t before = flow.acked;
  std::puts("warm");
  std::fflush(stdout);
  publisher.join();
  consumer.join();
  if (failure) std::rethrow_exception(failure);
  if (flow.acked != flow.posted)
    throw Failure(std::to_string(flow.posted) + " were published but " + std::to_string(flow.acked) + " acked");
  return {static_cast<double>(flow.posted - before), seconds_since(begin), own_cpu_s() - cpu_before_s};
}

int run_program(int argc, char** argv, const std::vector<Protocol>& protocols) {
  LoadPlan plan;
  std::string name, work = "queue";
  std::vector<std::string> names;
  for (const auto& protocol : protocols) names.push_back(protocol.name);
  CLI::App app("one run of load against a broker on this machine that runs already");
  app.add_option("protocol", name)->required()->check(CLI::IsMember(names));
  app.add_option("--port", plan.port)->required();
  app.add_option("--work", work, "queue: publish, confirm, deliver, ack; topic: append, confirm, tail; confirm: one in flight")
      ->check(CLI::IsMember({"queue", "topic", "confirm"}));
  app.add_option("--size", plan.body_size_bytes, "of a body, in bytes")->check(CLI::Range(1, 1 << 20));
  app.add_option("--seconds", plan.seconds)->check(CLI::Range(0.1, 600.0));
  app.add_option("--warm-up", plan.warm_up_s, "seconds of load before that, not counted")->check(CLI::Range(0.0, 60.0));
  app.add_option("--queue-type", plan.queue_type, "AMQP: x-queue-type");
  app.add_option("--exchange", plan.exchange, "AMQP: which leads to queue bench.flow");
  app.add_option("--routing-key", plan.routing_key, "AMQP: with an exchange");
  app.add_option("--prefetch", plan.prefetch)->check(CLI::Range(1, 65'535));
  CLI11_PARSE(app, argc, argv);
  plan.is_topic = work == "topic";
  try {
    for (const auto& protocol : protocols) {
      if (protocol.name != name) continue;
      const auto load = work == "topic" ? protocol.topic : work == "confirm" ? protocol.confirm : protocol.queue;
      if (!load) throw Failure(name + " has no load for a " + work);
      const LoadResult result = load(plan);
      std::printf("{\"messages\": %.0f, \"seconds\": %.3f, \"client_cpu_s\": %.3f", result.messages, result.seconds,
                  result.client_cpu_s);
      if (result.confirm_p50_us > 0)
        std::printf(", \"confirm_p50_us\": %.1f, \"confirm_p99_us\": %.1f", result.confirm_p50_us,
                    result.confirm_p99_us);
      std::puts("}");
    }
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
  }
  return 0;
}

}  // namespace tandem::bench::peers
