// Kills a real tandemd with SIGKILL at random moments under mixed load, restarts it on the same directory,
// and compares what the clients were told with what is there. The seed is printed; the same seed gives the
// same moments and choices (not the same interleaving: for that there is the simulation).
//
// With --power the whole disk loses its power instead: a file system of its own stops in the middle of what it does.
//
//   crash_test --tandemd build/release/tandemd [--cycles 200] [--seed N] [--directory DIR] [--power]
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <random>
#include <thread>

#include "tests/crash/load.h"
#include "tests/crash/power_disk.h"
#include "tests/support/broker_process.h"

using namespace tandem;
using namespace tandem::crash;

namespace {

struct Options {
  std::string tandemd, directory;
  int cycles = 200;
  bool power = false;
  std::uint64_t seed = std::random_device{}();
};

int report(const Histories& histories, const Options& options) {
  std::vector<std::string> violations;
  for (const History* history : {&histories.fan, &histories.in, &histories.moved})
    for (auto& text : history->violations()) violations.push_back(text);
  const auto fan = histories.fan.counts(), in = histories.in.counts(), moved = histories.moved.counts();
  std::printf(
      "%d %s, seed %llu: %llu publishes (%llu confirmed), %llu deliveries (%llu marked redelivered), %llu "
      "acks "
      "confirmed, %llu transactions confirmed, %llu topic records compared\n",
      options.cycles, options.power ? "power losses" : "kills", static_cast<unsigned long long>(options.seed),
      static_cast<unsigned long long>(fan.invoked + in.invoked),
      static_cast<unsigned long long>(fan.confirmed + in.confirmed),
      static_cast<unsigned long long>(fan.delivered + in.delivered),
      static_cast<unsigned long long>(fan.redelivered + in.redelivered),
      static_cast<unsigned long long>(fan.acks_confirmed + in.acks_confirmed),
      static_cast<unsigned long long>(moved.confirmed),
      static_cast<unsigned long long>(fan.read + moved.read));
  for (std::size_t i = 0; i < violations.size() && i < 20; ++i)
    std::printf("VIOLATION: %s\n", violations[i].c_str());
  if (!violations.empty())
    std::printf("%zu violations; --seed %llu\n", violations.size(),
                static_cast<unsigned long long>(options.seed));
  // A run in which nothing happened proves nothing.
  const bool lively = fan.confirmed > 0 && fan.acks_confirmed > 0 && moved.confirmed > 0 && fan.read > 0;
  if (!lively) std::printf("the load did not run: too little was confirmed to judge anything\n");
  return violations.empty() && lively ? 0 : 1;
}

int fail(const Error& error) {
  std::fprintf(stderr, "crash_test: %s\n", error.text.c_str());
  return 1;
}

// What ctest takes for "skipped".
constexpr int skipped_status = 77;
// Several journal segments and spares, and room above the limit below which publishers are held back.
constexpr unsigned power_disk_size_mib = 1'024;

int run(const Options& options, PowerDisk* disk) {
  const support::BrokerProcess::Options broker_options{options.tandemd, options.directory, {}};
  std::mt19937_64 chance(options.seed);
  Histories histories;
  for (int life = 1; life <= options.cycles; ++life) {
    auto broker = support::BrokerProcess::start(broker_options);
    if (!broker) return fail(broker.error());
    if (auto r = declare_places(broker->port("native")); !r) return fail(r.error());
    Load load(histories, broker->port("native"), life, chance());
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + chance() % 130));
    if (disk)
      if (auto cut = disk->cut(); !cut) return fail(cut.error());
    broker->kill();
    load.stop();
    if (disk)
      if (auto restored = disk->restore(); !restored) return fail(restored.error());
    if (life % 50 == 0) std::fprintf(stderr, "crash_test: %d of %d %s\n", life, options.cycles,
                                     disk ? "power losses" : "kills");
  }
  auto broker = support::BrokerProcess::start(broker_options);
  if (!broker) return fail(broker.error());
  if (auto r = drain_all(histories, broker->port("native"), options.cycles + 1); !r) return fail(r.error());
  const int status = broker->terminate();
  if (status != 0) histories.fan.violation("SIGTERM ended with status " + std::to_string(status));
  for (History* history : {&histories.fan, &histories.in, &histories.moved}) history->judge_end();
  return report(histories, options);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Kills a broker under load and checks every promise against what its clients were told.");
  app.add_option("--tandemd", options.tandemd, "the broker's program")->required()->check(CLI::ExistingFile);
  app.add_option("--directory", options.directory,
                 "data directory; default: a new one, removed when all is well");
  app.add_option("--cycles", options.cycles, "kills")->capture_default_str();
  app.add_option("--seed", options.seed, "of the moments and choices");
  app.add_flag("--power", options.power, "the power goes, not only the process; needs root and loop devices")
      ->excludes("--directory");
  CLI11_PARSE(app, argc, argv);
  const bool own = options.directory.empty();
  const auto parent =
      std::filesystem::temp_directory_path() / ("tandem-crash-" + std::to_string(options.seed));
  if (own) {
    std::filesystem::create_directories(parent);
    options.directory = (parent / "store").string();
  }
  int status = 0;
  if (options.power) {
    auto disk = PowerDisk::make(parent.string(), power_disk_size_mib);
    if (!disk) {
      std::printf("crash_test: SKIPPED, no power loss can be made here: %s\n", disk.error().text.c_str());
      return skipped_status;
    }
    options.directory = disk->mount_point() + "/store";
    status = run(options, &*disk);
  } else {
    status = run(options, nullptr);
  }
  if (own && status == 0) std::filesystem::remove_all(parent);
  if (own && status != 0)
    std::fprintf(stderr, "crash_test: the data directory is kept: %s\n", options.directory.c_str());
  return status;
}
