#include "bench/report.h"

#include <unistd.h>

#include <cmath>
#include <cstdarg>
#include <nlohmann/json.hpp>

namespace tandem::bench {
namespace {

std::string format(const char* pattern, ...) __attribute__((format(printf, 1, 2)));
std::string format(const char* pattern, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, pattern);
  std::vsnprintf(text, sizeof text, pattern, arguments);
  va_end(arguments);
  return text;
}

/// Three digits that matter, thousands with a mark.
std::string number(double value) {
  const double magnitude = std::fabs(value);
  if (magnitude >= 1e6) return format("%.2f M", value / 1e6);
  if (magnitude >= 1e4) return format("%.0f k", value / 1e3);
  if (magnitude >= 100) return format("%.0f", value);
  return magnitude >= 10 ? format("%.1f", value) : format("%.2f", value);
}

template <class Rounds, class Take>
Spread spread(const Rounds& rounds, Take take) {
  std::vector<double> values;
  for (const auto& round : rounds) values.push_back(take(round));
  return spread_of(std::move(values));
}

/// Of every limit the best round's: what else runs on a machine can only hide what it can do.
Machine best_machine(const Report& report) {
  Machine best;
  const auto rounds = [&report](auto member) {
    return spread(report.machine, [member](const Machine& machine) { return machine.*member; });
  };
  for (const auto shorter : {&Machine::sync_4k_p50_us, &Machine::sync_4k_p99_us, &Machine::round_trip_us})
    best.*shorter = rounds(shorter).min;
  for (const auto faster : {&Machine::journal_bytes_per_s, &Machine::copy_bytes_per_s, &Machine::loopback_bytes_per_s})
    best.*faster = rounds(faster).max;
  return best;
}

double cpu_us_each(const Outcome& outcome, double cpu_s) {
  return outcome.operations > 0 ? cpu_s / outcome.operations * 1e6 : 0;
}

/// Operations per second if all cores did nothing but this: what the rate would be on a machine that is not shared, when
/// CPU is what bounds it.
std::string by_cpu(double us_each) {
  return us_each > 0 ? number(static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN)) * 1e6 / us_each) : "-";
}

std::string target_of(const Workload& workload) {
  if (!workload.target) return "-";
  return (workload.better == Better::higher ? "≥ " : "≤ ") + number(*workload.target) +
         (workload.target_is_share ? " x" : "");
}

/// How far the median is from the target: ≥ 1 is met.
std::string met(const Workload& workload, double median, const std::optional<Limit>& limit) {
  if (!workload.target) return "-";
  const double target = workload.target_is_share ? *workload.target * limit->value : *workload.target;
  const double reached = workload.better == Better::higher ? median / target : target / median;
  return format("%s %.0f %%", reached >= 1 ? "met," : "NOT,", reached * 100);
}

/// The run's own, or the machine's.
std::optional<Limit> limit_of(const Series& series, const Machine& machine) {
  if (series.rounds.front().limit)
    return Limit{series.workload->limit_what, spread(series.rounds, [](const Outcome& o) { return *o.limit; }).median};
  return series.workload->limit ? std::optional(series.workload->limit(machine)) : std::nullopt;
}

using Row = std::vector<std::string>;

/// Characters as a terminal shows them: UTF-8 continuation bytes take no place.
std::size_t width(const std::string& text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

std::string align(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - width(row[i]), ' ');
      text += i == 0 ? row[i] + space : "  " + space + row[i];
    }
    text += '\n';
  }
  return text;
}

Row row_of(const Series& series, const Machine& machine) {
  const Workload& workload = *series.workload;
  const Spread value = spread(series.rounds, [](const Outcome& o) { return o.value; });
  const auto limit = limit_of(series, machine);
  const double broker_us = spread(series.rounds, [](const Outcome& o) { return cpu_us_each(o, o.broker.cpu_s); }).median;
  const double client_us = spread(series.rounds, [](const Outcome& o) { return cpu_us_each(o, o.client_cpu_s); }).median;
  const double cores = spread(series.rounds, [](const Outcome& o) { return o.seconds > 0 ? o.broker.cpu_s / o.seconds : 0; }).median;
  const double others = spread(series.rounds, [](const Outcome& o) { return o.others_cores; }).median;
  const double rss = spread(series.rounds, [](const Outcome& o) { return o.broker.rss_peak_mib; }).median;
  return {workload.name,
          number(value.median),
          number(value.min),
          number(value.max),
          workload.unit,
          target_of(workload),
          met(workload, value.median, limit),
          limit ? limit->what + " " + number(limit->value) : "-",
          limit ? format("%.2f", value.median / limit->value) : "-",
          broker_us > 0 ? format("%.2f", broker_us) : "-",
          client_us > 0 ? format("%.2f", client_us) : "-",
          by_cpu(broker_us + client_us),
          cores > 0 ? format("%.2f", cores) : "-",
          others > 0 ? format("%.2f", others) : "-",
          rss > 0 ? format("%.0f", rss) : "-"};
}

std::string judged(const Workload& workload, const std::string& figure, double median) {
  for (const Goal& goal : workload.goals)
    if (goal.figure == figure) {
      const bool is_met = goal.better == Better::higher ? median >= goal.value : median <= goal.value;
      return std::string(is_met ? ", met: " : ", NOT met: ") + (goal.better == Better::higher ? "≥ " : "≤ ") +
             number(goal.value);
    }
  return "";
}

/// Few figures stand in one line, many in one each.
std::string more_of(const Series& series) {
  constexpr std::size_t few = 4;
  const auto& figures = series.rounds.front().more;
  const std::string space = figures.size() > few ? "\n    " : " ";
  std::string text;
  for (const auto& [name, ignored] : figures) {
    const Spread value = spread(series.rounds, [&key = name](const Outcome& o) { return o.more.at(key); });
    text += (text.empty() || figures.size() > few ? "" : ";") + space + name + " " + number(value.median) + " (" +
            number(value.min) + " … " + number(value.max) + ")" + judged(*series.workload, name, value.median);
  }
  return text;
}

/// What stands below the table for one workload.
std::string notes_of(const Series& series) {
  const std::string& name = series.workload->name;
  std::string text;
  if (!series.rounds.empty() && !series.rounds.front().more.empty()) text += name + ":" + more_of(series) + "\n";
  if (!series.rounds.empty() && !series.rounds.front().note.empty())
    text += name + ": " + series.rounds.front().note + "\n";
  if (!series.skipped.empty()) text += name + " was skipped: " + series.skipped + "\n";
  for (const auto& failure : series.failures) text += name + " FAILED: " + failure + "\n";
  return text;
}

}  // namespace

std::string table_of(const Report& report) {
  const Machine machine = best_machine(report);
  std::string text = format(
      "%s, %ld cores, %d rounds\nmachine, best round: fdatasync of 4 KB p50 %.0f µs p99 %.0f µs; raw journal (1 MB write + fdatasync) "
      "%.2f GB/s; memory copy %.1f GB/s; loopback %.2f GB/s, round trip %.0f µs\n"
      "%.1f GiB of memory were touched once before the first round\n\n",
      report.date.c_str(), sysconf(_SC_NPROCESSORS_ONLN), report.rounds, machine.sync_4k_p50_us, machine.sync_4k_p99_us,
      machine.journal_bytes_per_s / 1e9, machine.copy_bytes_per_s / 1e9, machine.loopback_bytes_per_s / 1e9,
      machine.round_trip_us, static_cast<double>(report.touched_bytes) / (1 << 30));
  std::vector<Row> rows = {{"workload", "median", "min", "max", "unit", "target", "reached", "machine's limit", "of it",
                            "broker µs/op", "client µs/op", "by CPU, op/s", "broker cores", "others' cores", "peak RSS MiB"}};
  for (const auto& series : report.series)
    if (!series.rounds.empty()) rows.push_back(row_of(series, machine));
  text += align(rows) + "\n";
  for (const auto& series : report.series) text += notes_of(series);
  return text;
}

nlohmann::json json_of(const Report& report) {
  const Machine machine = best_machine(report);
  nlohmann::json json = {{"date", report.date}, {"cores", sysconf(_SC_NPROCESSORS_ONLN)}, {"touched_bytes", report.touched_bytes}};
  for (const auto& m : report.machine)
    json["machine"].push_back({{"sync_4k_p50_us", m.sync_4k_p50_us},
                               {"sync_4k_p99_us", m.sync_4k_p99_us},
                               {"journal_bytes_per_s", m.journal_bytes_per_s},
                               {"copy_bytes_per_s", m.copy_bytes_per_s},
                               {"loopback_bytes_per_s", m.loopback_bytes_per_s},
                               {"round_trip_us", m.round_trip_us}});
  for (const auto& series : report.series) {
    nlohmann::json one = {{"name", series.workload->name}, {"what", series.workload->what}, {"unit", series.workload->unit}};
    one["better"] = series.workload->better == Better::higher ? "higher" : "lower";
    const auto limit = series.rounds.empty() ? std::nullopt : limit_of(series, machine);
    if (limit) one["limit"] = {{"what", limit->what}, {"value", limit->value}};
    if (series.workload->target && (limit || !series.workload->target_is_share))
      one["target"] = *series.workload->target * (series.workload->target_is_share ? limit->value : 1);
    for (const Goal& goal : series.workload->goals)
      one["goals"][goal.figure] = {{"better", goal.better == Better::higher ? "higher" : "lower"}, {"value", goal.value}};
    one["skipped"] = series.skipped;
    one["rounds"] = nlohmann::json::array();
    for (const auto& o : series.rounds)
      one["rounds"].push_back({{"value", o.value},
                               {"operations", o.operations},
                               {"seconds", o.seconds},
                               {"broker_cpu_s", o.broker.cpu_s},
                               {"broker_thread_cpu_s", o.broker.thread_cpu_s},
                               {"client_cpu_s", o.client_cpu_s},
                               {"others_cores", o.others_cores},
                               {"rss_peak_mib", o.broker.rss_peak_mib},
                               {"more", o.more},
                               {"note", o.note}});
    one["failures"] = series.failures;
    json["workloads"].push_back(std::move(one));
  }
  return json;
}

}  // namespace tandem::bench
