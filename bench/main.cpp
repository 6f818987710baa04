// tandem_bench: runs named workloads against a tandemd of its own, in alternating rounds, and prints what they reached
// beside what the machine can do at all. Progress on stderr, the table on stdout, --json for programs.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/progress.h"
#include "bench/report.h"

using namespace tandem::bench;

namespace {

/// Enough for any workload: the broker, its page cache and the clients.
constexpr int touched_max_gib = 4;

struct Options {
  Settings settings;
  std::vector<std::string> names;
  std::string json_file;
  int rounds = 5;
  bool list = false, verbose = false, with_long = false;
};

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", std::gmtime(&now));
  return text;
}

/// A name, or the beginning of several followed by '*'.
bool names_it(const std::string& wanted, const std::string& name) {
  if (wanted.ends_with('*')) return name.starts_with(wanted.substr(0, wanted.size() - 1));
  return name == wanted;
}

std::vector<Series> chosen(const Options& options) {
  std::vector<Series> series;
  for (const auto& workload : workloads()) {
    const bool is_named = std::any_of(options.names.begin(), options.names.end(),
                                      [&](const auto& name) { return names_it(name, workload.name); });
    if (is_named || (options.names.empty() && (options.with_long || !workload.is_long)))
      series.push_back({&workload, {}, {}, {}});
  }
  return series;
}

std::string line_of(const Series& series, const Outcome& outcome) {
  char text[256];
  std::snprintf(text, sizeof text, "  %-24s %14.2f %-12s broker %.3f µs/op, client %.3f µs/op  others %.2f",
                series.workload->name.c_str(), outcome.value, series.workload->unit.c_str(),
                outcome.operations > 0 ? outcome.broker.cpu_s / outcome.operations * 1e6 : 0,
                outcome.operations > 0 ? outcome.client_cpu_s / outcome.operations * 1e6 : 0, outcome.others_cores);
  std::string line = text;
  for (const auto& [thread, cpu_s] : outcome.broker.thread_cpu_s) {
    std::snprintf(text, sizeof text, "  %s %.2f", thread.c_str(), cpu_s / outcome.seconds);
    if (cpu_s > 0.01) line += text;
  }
  return line;
}

void run_once(const Options& options, Series& series, Progress& progress) {
  try {
    series.rounds.push_back(series.workload->run(options.settings));
    if (options.verbose) progress.note(line_of(series, series.rounds.back()));
  } catch (const Skipped& skipped) {
    series.skipped = skipped.what();
    progress.note(series.workload->name + " is skipped: " + skipped.what());
  } catch (const std::exception& failure) {
    series.failures.push_back(failure.what());
    progress.note(series.workload->name + " FAILED: " + failure.what());
  }
}

void run(Options& options, Report& report) {
  report.touched_bytes = touch_memory(std::size_t{touched_max_gib} << 30);
  Progress progress(static_cast<std::size_t>(options.rounds) * report.series.size());
  options.settings.progress = [&](const std::string& doing, double share) { progress.say(doing, share); };
  for (int round = 0; round < options.rounds; ++round) {
    report.machine.push_back(measure_machine(options.settings.directory));
    for (auto& series : report.series) {
      progress.begin_step("round " + std::to_string(round + 1) + " of " + std::to_string(options.rounds) + ": " +
                          series.workload->name);
      if (series.skipped.empty()) run_once(options, series, progress);
    }
  }
}

int list() {
  for (const auto& workload : workloads())
    std::printf("%-26s %-13s %s%s\n", workload.name.c_str(), workload.unit.c_str(), workload.what.c_str(),
                workload.is_long ? " [--long]" : "");
  return 0;
}

/// 10,000 connections need their descriptors on both sides; the broker inherits the limit.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  const auto programs = std::filesystem::path(argv[0]).parent_path();
  options.settings.tandemd = (programs / "tandemd").string();
  options.settings.peer_load = (programs / "peer_load").string();
  options.settings.kafka_client = (programs / "kafka_client").string();
  CLI::App app("tandem_bench: workloads against a tandemd of its own, beside the machine's limits", "tandem_bench");
  app.add_option("workload", options.names, "only these; name* = all that begin so (see --list)");
  app.add_option("--rounds", options.rounds, "rounds over all workloads")->check(CLI::Range(1, 1'000))->capture_default_str();
  app.add_option("--seconds", options.settings.seconds, "load in each run")->check(CLI::Range(0.1, 600.0))->capture_default_str();
  app.add_option("--data", options.settings.directory, "directory for data; emptied of what was made in it [a new one in TMPDIR]");
  app.add_option("--tandemd", options.settings.tandemd, "the broker to run")->capture_default_str();
  app.add_option("--json", options.json_file, "write every round's figures there");
  app.add_flag("--long", options.with_long, "also those that take more than a minute or complete a series");
  app.add_flag("--list", options.list, "print the workloads");
  app.add_flag("--verbose", options.verbose, "print every run's figures on stderr");
  CLI11_PARSE(app, argc, argv);
  if (options.list) return list();

  Report report{now_text(), options.rounds, 0, {}, chosen(options)};
  if (report.series.empty()) {
    std::fprintf(stderr, "tandem_bench: no such workload; --list names them\n");
    return 2;
  }
  raise_descriptor_limit();
  const bool own_directory = options.settings.directory.empty();
  if (own_directory) {
    std::string name = (std::filesystem::temp_directory_path() / "tandem-bench.XXXXXX").string();
    if (!mkdtemp(name.data())) return std::perror("tandem_bench"), 1;
    options.settings.directory = name;
  }
  int status = 0;
  try {
    std::filesystem::create_directories(options.settings.directory);
    run(options, report);
    std::fputs(table_of(report).c_str(), stdout);
    if (!options.json_file.empty()) std::ofstream(options.json_file) << json_of(report).dump(1) << "\n";
    for (const auto& series : report.series) status |= series.failures.empty() ? 0 : 1;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "tandem_bench: %s\n", failure.what());
    status = 1;
  }
  if (own_directory) std::filesystem::remove_all(options.settings.directory);
  return status;
}
