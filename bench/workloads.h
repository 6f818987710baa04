// A workload by name: how it is run once, its target, and which limit of the machine stands above it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/machine.h"
#include "bench/measure.h"

namespace tandem::bench {

struct Settings {
  std::string tandemd;
  std::string directory;  // for data; workloads use directories in it
  double seconds = 2;     // of load in one run
};

/// What one run gave.
struct Outcome {
  double value = 0;       // in the workload's unit
  double operations = 0;  // that CPU is counted by; 0 = not meaningful
  double seconds = 0;
  ProcessUse broker;      // CPU of the measured stretch, peak RSS since start
  double client_cpu_s = 0;
  double others_cores = 0;  // that other processes had meanwhile: on a busy machine CPU per operation is what counts
  std::map<std::string, double> more;  // further figures, by name with unit
};

enum class Better { higher, lower };

struct Limit {
  std::string what;  // of the machine
  double value = 0;  // in the workload's unit
};

struct Workload {
  std::string name, what, unit;
  Better better = Better::higher;
  std::optional<double> target;  // in `unit`, or in multiples of the limit
  bool target_is_share = false;
  std::function<Outcome(const Settings&)> run;
  std::function<Limit(const Machine&)> limit;
};

/// In the order of the table.
const std::vector<Workload>& workloads();

// One function per file of workloads.
void add_queue_workloads(std::vector<Workload>& all);
void add_topic_workloads(std::vector<Workload>& all);
void add_latency_workloads(std::vector<Workload>& all);
void add_standing_workloads(std::vector<Workload>& all);

}  // namespace tandem::bench
