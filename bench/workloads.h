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
  std::string peer_load;     // the load for the AMQP face
  std::string kafka_client;  // and for the Kafka face
  std::string directory;  // for data; workloads use directories in it
  double seconds = 2;     // of load in one run
  /// What a workload that takes long is doing, and how much of that is done (0 … 1; < 0: not known).
  std::function<void(const std::string& doing, double share)> progress = [](const std::string&, double) {};
};

/// This machine cannot run the workload (no room on the disk, …): said in the output, and no failure.
struct Skipped : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What one run gave.
struct Outcome {
  double value = 0;       // in the workload's unit
  double operations = 0;  // that CPU is counted by; 0 = not meaningful
  double seconds = 0;
  ProcessUse broker;      // CPU of the measured stretch, peak RSS since start
  double client_cpu_s = 0;
  double others_cores = 0;  // that other processes had meanwhile: on a busy machine CPU per operation is what counts
  std::optional<double> limit;          // measured by the run itself, instead of Workload::limit
  std::map<std::string, double> more;   // further figures, by name with unit
  std::string note;                     // how it was done, where that depends on the machine
};

enum class Better { higher, lower };

/// A target for one of the figures in Outcome::more.
struct Goal {
  std::string figure;
  Better better = Better::lower;
  double value = 0;
};

struct Limit {
  std::string what;  // of the machine
  double value = 0;  // in the workload's unit
};

struct Workload {
  std::string name, what, unit;
  Better better = Better::higher;
  std::optional<double> target;  // in `unit`, or in multiples of the limit
  bool target_is_share = false;
  std::vector<Goal> goals{};
  /// Only when it is named, or with --long: takes more than a minute, or completes a series.
  bool is_long = false;
  std::function<Outcome(const Settings&)> run;
  std::function<Limit(const Machine&)> limit;
  std::string limit_what{};  // of Outcome::limit
};

/// In the order of the table.
const std::vector<Workload>& workloads();

// One function per file of workloads.
void add_queue_workloads(std::vector<Workload>& all);
void add_topic_workloads(std::vector<Workload>& all);
void add_kafka_workloads(std::vector<Workload>& all);
void add_group_workloads(std::vector<Workload>& all);
void add_compaction_workloads(std::vector<Workload>& all);
void add_latency_workloads(std::vector<Workload>& all);
void add_rate_workloads(std::vector<Workload>& all);
void add_mixed_workloads(std::vector<Workload>& all);
void add_amqp_workloads(std::vector<Workload>& all);
void add_standing_workloads(std::vector<Workload>& all);
void add_backlog_workloads(std::vector<Workload>& all);

}  // namespace tandem::bench
