// peer_load: one run of load against a broker that runs already; prints one line of JSON. For bench/compare.
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
  const auto begin = Clock::now();
  const double cpu_before_s = own_cpu_s();
  std::thread consumer([&] { guard(consume); });
  guard(publish);
  consumer.join();
  if (failure) std::rethrow_exception(failure);
  if (flow.acked != flow.posted)
    throw Failure(std::to_string(flow.posted) + " were published but " + std::to_string(flow.acked) + " acked");
  return {static_cast<double>(flow.posted), seconds_since(begin), own_cpu_s() - cpu_before_s};
}

}  // namespace tandem::bench::peers

int main(int argc, char** argv) {
  using namespace tandem::bench::peers;
  LoadPlan plan;
  std::string protocol;
  CLI::App app("peer_load: publish, confirm, deliver, ack against a broker on this machine", "peer_load");
  app.add_option("protocol", protocol)->required()->check(CLI::IsMember({"amqp", "nats", "redis"}));
  app.add_option("--port", plan.port)->required();
  app.add_option("--size", plan.body_size_bytes, "of a body, in bytes")->check(CLI::Range(1, 1 << 20));
  app.add_option("--seconds", plan.seconds)->check(CLI::Range(0.1, 600.0));
  app.add_option("--queue-type", plan.queue_type, "AMQP: x-queue-type");
  app.add_option("--prefetch", plan.prefetch)->check(CLI::Range(1, 65'535));
  CLI11_PARSE(app, argc, argv);
  try {
    const LoadResult result = protocol == "amqp"   ? amqp_load(plan)
                              : protocol == "nats" ? nats_load(plan)
                                                   : redis_load(plan);
    std::printf("{\"messages\": %.0f, \"seconds\": %.3f, \"client_cpu_s\": %.3f}\n", result.messages, result.seconds,
                result.client_cpu_s);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "peer_load: %s\n", failure.what());
    return 1;
  }
  return 0;
}
