// Runs simulated worlds, one per seed, and says how many promises were broken in them.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "tests/sim/world.h"

namespace {

struct Options {
  std::string mode = "lives";
  std::uint64_t stride = 1;
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

struct States {
  std::uint64_t count = 0, broken = 0, calls = 0;
};

void judge(States& states, const tandem::sim::WorldOptions& world, const tandem::sim::Report& report,
           const std::string& what) {
  ++states.count;
  if (report.violations.empty()) return;
  ++states.broken;
  for (std::size_t i = 0; i < report.violations.size() && i < 4; ++i)
    std::printf("VIOLATION: %s\n", report.violations[i].c_str());
  std::printf("seed %llu, %s\n", static_cast<unsigned long long>(world.seed), what.c_str());
}

int end(const char* mode, const States& states, std::uint64_t next_seed) {
  std::printf("sim: %s: %llu states, %llu broken, %llu storage calls failed; the next seed is %llu\n", mode,
              static_cast<unsigned long long>(states.count), static_cast<unsigned long long>(states.broken),
              static_cast<unsigned long long>(states.calls), static_cast<unsigned long long>(next_seed));
  return states.broken == 0 && states.count > 0 ? 0 : 1;
}

/// Every storage call of a world fails once in each of the ways given, until a run takes no fault; worlds go on
/// until there were `count` runs.
int run_faults(const Options& options, const char* mode, const std::vector<tandem::sim::Fault>& ways) {
  States states;
  std::uint64_t seed = options.seed;
  for (; states.count < options.count; ++seed) {
    bool happened = true;
    for (std::uint64_t nth = 1 + seed % options.stride; happened && states.count < options.count;
         nth += options.stride) {
      happened = false;
      for (const auto& way : ways) {
        tandem::sim::WorldOptions world = options.world;
        world.seed = seed;
        world.fault = way;
        world.fault->nth = nth;
        const auto report = tandem::sim::World(world).run_fault();
        happened |= report.fault_happened;
        judge(states, world, report,
              "fault " + std::to_string(static_cast<int>(way.kind)) + " at storage call " + std::to_string(nth) +
                  ", keeps " + std::to_string(static_cast<int>(way.keeps)));
      }
      states.calls += happened;
    }
  }
  return end(mode, states, seed);
}

int run_damages(const Options& options) {
  States states;
  std::uint64_t reported = 0;
  for (std::uint64_t which = options.seed; which < options.seed + options.count; ++which) {
    tandem::sim::WorldOptions world = options.world;
    world.seed = 1 + which % 50;
    world.damage = which;
    const auto report = tandem::sim::World(world).run_damage();
    reported += report.damage_reported;
    judge(states, world, report, "damage " + std::to_string(which));
  }
  std::printf("sim: %llu damages were reported, the others were harmless\n",
              static_cast<unsigned long long>(reported));
  return end("rot", states, options.seed + options.count);
}

int run_mode(const Options& options) {
  using tandem::storage::CrashKeeps;
  using tandem::storage::FaultKind;
  if (options.mode == "lives") return run(options);
  if (options.mode == "rot") return run_damages(options);
  if (options.mode == "faults")
    return run_faults(options, "faults",
                      {{FaultKind::io_error, 1, CrashKeeps::everything},
                       {FaultKind::io_error, 1, CrashKeeps::any},
                       {FaultKind::disk_full, 1, CrashKeeps::any},
                       {FaultKind::short_write, 1, CrashKeeps::any}});
  return run_faults(options, "enumerate",
                    {{FaultKind::power_off, 1, CrashKeeps::nothing},
                     {FaultKind::power_off, 1, CrashKeeps::everything},
                     {FaultKind::power_off, 1, CrashKeeps::all_but_one},
                     {FaultKind::power_off, 1, CrashKeeps::any}});
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Simulates machines on which a broker lives and dies, and checks every promise it made.");
  app.add_option("--mode", options.mode,
                 "lives: whole histories; enumerate: the power goes at every storage call; faults: every storage "
                 "call fails once; rot: damage to a closed directory")
      ->check(CLI::IsMember({"lives", "enumerate", "faults", "rot"}))
      ->capture_default_str();
  app.add_option("--stride", options.stride, "enumerate, faults: every so many calls only")->check(CLI::PositiveNumber);
  app.add_option("--seed", options.seed, "of the first world")->capture_default_str();
  app.add_option("--count", options.count, "worlds, one per seed; or states")->capture_default_str();
  app.add_option("--lives", options.world.lives, "of the broker in each world")->capture_default_str();
  app.add_option("--steps", options.world.steps_per_life, "in each life, about")->capture_default_str();
  app.add_option("--trace", options.world.trace, "number of a message whose story is told on stderr");
  CLI11_PARSE(app, argc, argv);
  return run_mode(options);
}
