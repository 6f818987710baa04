// Kills a real tandemd with SIGKILL at random moments under mixed load, restarts it on the same directory,
// and compares what the clients were told with what is there. The seed is printed; the same seed gives the
// same moments and choices (not the same interleaving: for that there is the simulation).
//
// With --power the whole disk loses its power instead: a file system of its own stops in the middle of what it does.
//
// With --full-disk such a file system fills up to its last byte under the load, and is given space again.
//
// With --no-memory one of the broker's requests for memory fails in each life, instead of a kill.
//
// With --soak one broker lives for so many seconds under the load, and is looked at for growth; it is not killed.
//
//   crash_test --tandemd build/release/tandemd [--cycles 200] [--seed N] [--directory DIR] [--power]
#include <signal.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <random>
#include <thread>
#include <utility>

#include "tests/crash/full_disk.h"
#include "tests/crash/load.h"
#include "tests/crash/no_memory.h"
#include "tests/crash/power_disk.h"
#include "tests/crash/sizes.h"
#include "tests/crash/watchdog.h"
#include "tests/support/broker_process.h"
#include "tests/support/run_program.h"
#include "tests/support/sanitized.h"

using namespace tandem;
using namespace tandem::crash;

namespace {

struct Options {
  std::string tandemd, directory, allocator;
  int cycles = 200;
  bool power = false, full_disk = false, no_memory = false;
  int soak_s = 0;
  std::uint64_t seed = std::random_device{}();
};

const char* what_happens(const Options& options) {
  if (options.full_disk) return "full disks";
  if (options.no_memory) return "requests for memory that fail";
  return options.power ? "power losses" : "kills";
}

int report(Histories& histories, const Options& options) {
  std::vector<std::string> violations;
  History::Counts all;
  for (const History* history : histories.all()) {
    for (auto& text : history->violations()) violations.push_back(text);
    all += history->counts();
  }
  const auto fan = histories.fan.counts(), moved = histories.moved.counts(), log = histories.log.counts();
  const auto number = [](std::uint64_t count) { return static_cast<unsigned long long>(count); };
  // What is moved is no publish of its own: it counts as a transaction.
  std::printf(
      "%d %s, seed %llu: %llu publishes (%llu confirmed), %llu deliveries (%llu marked redelivered), %llu acks "
      "confirmed, %llu transactions confirmed, %llu topic records compared\n",
      options.soak_s > 0 ? 0 : options.cycles,
      what_happens(options), number(options.seed),
      number(all.invoked - moved.invoked), number(all.confirmed - moved.confirmed), number(all.delivered),
      number(all.redelivered), number(all.acks_confirmed), number(moved.confirmed), number(all.read));
  for (std::size_t i = 0; i < violations.size() && i < 20; ++i)
    std::printf("VIOLATION: %s\n", violations[i].c_str());
  if (!violations.empty())
    std::printf("%zu violations; --seed %llu\n", violations.size(), number(options.seed));
  // A run in which nothing happened proves nothing.
  const bool lively = fan.acks_confirmed > 0 && moved.confirmed > 0 && log.confirmed > 0 && fan.read > 0 &&
                      histories.fan.every_publisher_confirmed({1, 2, 4});
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

constexpr std::chrono::microseconds publisher_rest(150);
// Under a sanitizer, beside a build, lives of 20 to 150 ms were over before anything was confirmed.
constexpr int life_stretch = support::is_sanitized ? 10 : 1;
// The checker remembers everything: an hour must fit into its memory.
constexpr std::chrono::microseconds soak_pace(3'000);
constexpr double soak_patience_s = 60;

Ports ports_of(const support::BrokerProcess& broker) {
  return {broker.port("native"), broker.port("amqp"), broker.port("kafka")};
}

int drain_and_judge(Histories& histories, const Options& options, support::BrokerProcess& broker, int life) {
  if (auto r = drain_all(histories, broker.port("native"), life); !r) return fail(r.error());
  const int status = broker.terminate();
  if (status != 0) histories.fan.violation("SIGTERM ended with status " + std::to_string(status));
  for (History* history : histories.all()) history->judge_end();
  return report(histories, options);
}

int soak(const Options& options) {
  auto broker = support::BrokerProcess::start({options.tandemd, options.directory, {}});
  if (!broker) return fail(broker.error());
  if (auto r = declare_places(broker->port("native")); !r) return fail(r.error());
  Histories histories;
  Sizes sizes(broker->pid(), options.directory);
  const auto begin = std::chrono::steady_clock::now();
  const auto passed_s = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(); };
  {
    Load load(histories, ports_of(*broker), 1, options.seed, soak_pace, Load::Backlog::stays_short);
    std::uint64_t confirmed = 0;
    for (double last_at_s = 0; passed_s() < options.soak_s;) {
      std::this_thread::sleep_for(std::chrono::seconds(1));
      sizes.look(passed_s());
      if (const auto now = histories.fan.counts().confirmed; now > std::exchange(confirmed, now)) last_at_s = passed_s();
      if (passed_s() - last_at_s < soak_patience_s) continue;
      std::printf("VIOLATION: nothing was confirmed for %.0f s\n%s\n", soak_patience_s, sizes.report().c_str());
      broker->kill();  // who waits for it goes
      return 1;
    }
  }
  // What the load held is given back as its connections end: for the checker that is a life of its own.
  const int status = drain_and_judge(histories, options, *broker, 2);
  const std::string excess = sizes.excess();
  if (!excess.empty()) std::printf("VIOLATION: %s\n", excess.c_str());
  std::printf("%s\n", sizes.report().c_str());
  return excess.empty() ? status : 1;
}

int full_disk(const Options& options, const std::string& mount_point) {
  auto broker = support::BrokerProcess::start({options.tandemd, options.directory, {"--journal-size", "64MiB"}});
  if (!broker) return fail(broker.error());
  if (auto r = declare_places(broker->port("native")); !r) return fail(r.error());
  Histories histories;
  histories.disk_fills = true;
  const Watchdog watchdog(histories);
  int life = 1;
  for (int round = 0; round < options.cycles; ++round) {
    auto filled = fill_and_free(histories, *broker, ports_of(*broker), mount_point, options.seed + 2u * round, life);
    if (!filled) return fail(filled.error());
    std::printf("%s\n", filled->c_str());
  }
  return drain_and_judge(histories, options, *broker, life);
}

/// With the usual sizes a life is over before its first checkpoint: half of the lives take one after the other, and half
/// of these have a journal whose segments come round.
std::vector<std::string> sizes_of_life(std::uint64_t dice) {
  switch (dice % 4) {
    case 0:
      return {"--checkpoint-interval", "64KiB"};
    case 1:
      return {"--checkpoint-interval", "256KiB", "--journal-size", "64MiB", "--cache-size", "8MiB"};
    default:
      return {};
  }
}

/// What the dead broker left behind must be whole before the next one works on it.
void check_store(const Options& options, int life, Histories& histories) {
  const auto checked = support::run_program({options.tandemd, "--check-store", options.directory});
  if (checked.status != 0)
    histories.fan.violation("after life " + std::to_string(life) + " the offline check said: " + checked.out + checked.error);
}

/// Lives that end when they are given no memory.
int run_without_memory(const Options& options) {
  support::BrokerProcess::Options broker_options{options.tandemd, options.directory, {}};
  auto memory = NoMemory::make(options.allocator, broker_options);
  if (!memory) return fail(memory.error());
  std::mt19937_64 chance(options.seed);
  Histories histories;
  const Watchdog watchdog(histories);
  for (int life = 1; life <= options.cycles; ++life) {
    broker_options.arguments = sizes_of_life(chance());
    memory->choose(chance, broker_options);
    if (auto broker = support::BrokerProcess::start(broker_options); !broker) {
      memory->judge_start(broker.error(), life, histories.fan);
    } else {
      (void)declare_places(broker->port("native"));  // it may be gone by now
      Load load(histories, ports_of(*broker), life, chance(), publisher_rest);
      memory->judge_end(*broker, life, histories.fan);
      load.stop();
    }
    check_store(options, life, histories);
  }
  std::printf("%s\n", memory->report().c_str());
  broker_options.environment.clear();
  auto broker = support::BrokerProcess::start(broker_options);
  if (!broker) return fail(broker.error());
  return drain_and_judge(histories, options, *broker, options.cycles + 1);
}

int run(const Options& options, PowerDisk* disk) {
  support::BrokerProcess::Options broker_options{options.tandemd, options.directory, {}};
  std::mt19937_64 chance(options.seed);
  Histories histories;
  histories.power_fails = disk != nullptr;
  const Watchdog watchdog(histories);
  for (int life = 1; life <= options.cycles; ++life) {
    broker_options.arguments = sizes_of_life(chance());
    auto broker = support::BrokerProcess::start(broker_options);
    if (!broker) return fail(broker.error());
    if (auto r = declare_places(broker->port("native")); !r) return fail(r.error());
    Load load(histories, ports_of(*broker), life, chance(), publisher_rest);
    std::this_thread::sleep_for(life_stretch * std::chrono::milliseconds(20 + chance() % 130));
    // Now and then in the middle of an orderly stop: that takes a checkpoint, which a short life does not come to.
    if (chance() % 3 == 0) {
      ::kill(broker->pid(), SIGTERM);
      std::this_thread::sleep_for(life_stretch * std::chrono::milliseconds(chance() % 60));
    }
    if (disk)
      if (auto cut = disk->cut(); !cut) return fail(cut.error());
    broker->kill();
    load.stop();
    if (disk)
      if (auto restored = disk->restore(); !restored) return fail(restored.error());
    check_store(options, life, histories);
    if (life % 50 == 0) std::fprintf(stderr, "crash_test: %d of %d %s\n", life, options.cycles,
                                     disk ? "power losses" : "kills");
  }
  auto broker = support::BrokerProcess::start(broker_options);
  if (!broker) return fail(broker.error());
  return drain_and_judge(histories, options, *broker, options.cycles + 1);
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
  app.add_flag("--full-disk", options.full_disk, "the disk fills up and is freed, as often as --cycles says; as --power")
      ->excludes("--directory")
      ->excludes("--power");
  app.add_flag("--no-memory", options.no_memory, "a request for memory fails, as often as --cycles says")
      ->excludes("--power")
      ->excludes("--full-disk");
  options.allocator = std::filesystem::path(argv[0]).parent_path() / "libfailing_allocator.so";
  app.add_option("--allocator", options.allocator, "the library that makes it fail")->capture_default_str();
  app.add_option("--soak", options.soak_s, "s: one broker lives so long under the load, and is not killed")
      ->check(CLI::PositiveNumber)
      ->excludes("--power")
      ->excludes("--full-disk");
  CLI11_PARSE(app, argc, argv);
  const bool own = options.directory.empty();
  const auto parent =
      std::filesystem::temp_directory_path() / ("tandem-crash-" + std::to_string(options.seed));
  if (own) {
    std::filesystem::remove_all(parent);  // an earlier run of this seed, which was broken
    std::filesystem::create_directories(parent);
    options.directory = (parent / "store").string();
  }
  int status = 0;
  if (options.power || options.full_disk) {
    auto disk = PowerDisk::make(parent.string(), power_disk_size_mib);
    if (!disk) {
      std::printf("crash_test: SKIPPED, no disk of its own can be made here: %s\n", disk.error().text.c_str());
      return skipped_status;
    }
    options.directory = disk->mount_point() + "/store";
    status = options.full_disk ? full_disk(options, disk->mount_point()) : run(options, &*disk);
  } else {
    status = options.soak_s > 0 ? soak(options) : options.no_memory ? run_without_memory(options) : run(options, nullptr);
  }
  if (own && status == 0) std::filesystem::remove_all(parent);
  if (own && status != 0)
    std::fprintf(stderr, "crash_test: the data directory is kept: %s\n", options.directory.c_str());
  return status;
}
