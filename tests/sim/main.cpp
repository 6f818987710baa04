// Runs simulated worlds, one per seed, and says how many promises were broken in them.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "tests/sim/world.h"

namespace {

struct Options {
  std::uint64_t seed = 1;
  std::uint64_t count = 1;
  tandem::sim::WorldOptions world;
};

double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

int run(const Options& options) {
  tandem::sim::Report total;
  total.counts.lives = 0;
  std::uint64_t broken = 0;
  const double started = cpu_seconds();
  for (std::uint64_t seed = options.seed; seed < options.seed + options.count; ++seed) {
    tandem::sim::WorldOptions world = options.world;
    world.seed = seed;
    const auto report = tandem::sim::World(world).run();
    for (std::size_t i = 0; i < report.violations.size() && i < 8; ++i)
      std::printf("VIOLATION: %s\n", report.violations[i].c_str());
    if (!report.violations.empty()) {
      ++broken;
      std::printf("seed %llu: %zu violations; again with: sim_test --seed %llu --lives %d --steps %d\n",
                  static_cast<unsigned long long>(seed), report.violations.size(),
                  static_cast<unsigned long long>(seed), world.lives, world.steps_per_life);
    }
    total.counts += report.counts;
    total.simulated_ms += report.simulated_ms;
    total.power_losses += report.power_losses;
    total.kills += report.kills;
    total.stops += report.stops;
    total.disk_failures += report.disk_failures;
    total.failed_starts += report.failed_starts;
  }
  const double seconds = cpu_seconds() - started;
  const auto print = [](const char* what, std::uint64_t count) {
    std::printf("%llu %s", static_cast<unsigned long long>(count), what);
  };
  std::printf("sim: seeds %llu to %llu: ", static_cast<unsigned long long>(options.seed),
              static_cast<unsigned long long>(options.seed + options.count - 1));
  print("broken, ", broken);
  print("simulated s, ", total.simulated_ms / 1000);
  std::printf("%.1f s of CPU (%.0f simulated s per CPU s), ", seconds,
              static_cast<double>(total.simulated_ms) / 1000 / seconds);
  print("power losses, ", total.power_losses);
  print("kills, ", total.kills);
  print("orderly stops, ", total.stops);
  print("disk failures, ", total.disk_failures);
  print("failed starts; ", total.failed_starts);
  print("publishes (", total.counts.published);
  print("confirmed), ", total.counts.confirmed);
  print("deliveries (", total.counts.delivered);
  print("redelivered), ", total.counts.redelivered);
  print("confirmed settlings, ", total.counts.settles_confirmed);
  print("records read\n", total.counts.records_read);
  // Worlds in which nothing happens prove nothing.
  const bool lively = total.counts.confirmed > 0 && total.counts.redelivered > 0 && total.counts.records_read > 0;
  if (!lively) std::printf("sim: too little happened to judge anything\n");
  return broken == 0 && lively ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Simulates machines on which a broker lives and dies, and checks every promise it made.");
  app.add_option("--seed", options.seed, "of the first world")->capture_default_str();
  app.add_option("--count", options.count, "worlds, one per seed")->capture_default_str();
  app.add_option("--lives", options.world.lives, "of the broker in each world")->capture_default_str();
  app.add_option("--steps", options.world.steps_per_life, "in each life, about")->capture_default_str();
  app.add_option("--trace", options.world.trace, "number of a message whose story is told on stderr");
  CLI11_PARSE(app, argc, argv);
  return run(options);
}
