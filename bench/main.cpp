// tandem_bench: runs named workloads against a tandemd of its own, in alternating rounds, and prints what they reached
// beside what the machine can do at all. Progress on stderr, the table on stdout, --json for programs.
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/report.h"

using namespace tandem::bench;

namespace {

struct Options {
  Settings settings;
  std::vector<std::string> names;
  std::string json_file;
  int rounds = 5;
  bool list = false, verbose = false;
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

std::vector<Series> chosen(const std::vector<std::string>& names) {
  std::vector<Series> series;
  for (const auto& workload : workloads())
    if (names.empty() || std::any_of(names.begin(), names.end(), [&](const auto& n) { return names_it(n, workload.name); }))
      series.push_back({&workload, {}, {}});
  return series;
}

void show_round(const Series& series, const Outcome& outcome) {
  std::fprintf(stderr, "\r\033[K  %-20s %14.2f %-12s broker %.3f µs/op, client %.3f µs/op", series.workload->name.c_str(),
               outcome.value, series.workload->unit.c_str(),
               outcome.operations > 0 ? outcome.broker.cpu_s / outcome.operations * 1e6 : 0,
               outcome.operations > 0 ? outcome.client_cpu_s / outcome.operations * 1e6 : 0);
  std::fprintf(stderr, "  others %.2f", outcome.others_cores);
  for (const auto& [thread, cpu_s] : outcome.broker.thread_cpu_s)
    if (cpu_s > 0.01) std::fprintf(stderr, "  %s %.2f", thread.c_str(), cpu_s / outcome.seconds);
  std::fprintf(stderr, "\n");
}

void run(const Options& options, Report& report) {
  const std::size_t steps = static_cast<std::size_t>(options.rounds) * report.series.size();
  std::size_t step = 0;
  for (int round = 0; round < options.rounds; ++round) {
    report.machine.push_back(measure_machine(options.settings.directory));
    for (auto& series : report.series) {
      std::fprintf(stderr, "\r\033[K[%zu/%zu] round %d of %d: %s", ++step, steps, round + 1, options.rounds,
                   series.workload->name.c_str());
      if (!isatty(STDERR_FILENO)) std::fputc('\n', stderr);
      try {
        series.rounds.push_back(series.workload->run(options.settings));
        if (options.verbose) show_round(series, series.rounds.back());
      } catch (const std::exception& failure) {
        series.failures.push_back(failure.what());
      }
    }
  }
  std::fprintf(stderr, "\r\033[K");
}

int list() {
  for (const auto& workload : workloads())
    std::printf("%-20s %s: %s\n", workload.name.c_str(), workload.unit.c_str(), workload.what.c_str());
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
  options.settings.tandemd = (std::filesystem::path(argv[0]).parent_path() / "tandemd").string();
  CLI::App app("tandem_bench: workloads against a tandemd of its own, beside the machine's limits", "tandem_bench");
  app.add_option("workload", options.names, "only these; name* = all that begin so (see --list)");
  app.add_option("--rounds", options.rounds, "rounds over all workloads")->check(CLI::Range(1, 1'000))->capture_default_str();
  app.add_option("--seconds", options.settings.seconds, "load in each run")->check(CLI::Range(0.1, 600.0))->capture_default_str();
  app.add_option("--data", options.settings.directory, "directory for data; emptied of what was made in it [a new one in TMPDIR]");
  app.add_option("--tandemd", options.settings.tandemd, "the broker to run")->capture_default_str();
  app.add_option("--json", options.json_file, "write every round's figures there");
  app.add_flag("--list", options.list, "print the workloads");
  app.add_flag("--verbose", options.verbose, "print every run's figures on stderr");
  CLI11_PARSE(app, argc, argv);
  if (options.list) return list();

  Report report{now_text(), options.rounds, {}, chosen(options.names)};
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
