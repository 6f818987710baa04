#include "bench/measure.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tandem::bench {

void Histogram::add(const Histogram& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  total_ += other.total_;
}

double Histogram::upper_end(std::size_t bucket) {
  if (bucket < steps) return static_cast<double>(bucket);
  const auto power = bucket / steps - 1;
  const auto start = static_cast<double>(bucket % steps + steps);
  return (start + 1) * static_cast<double>(std::uint64_t{1} << power) - 1;
}

double Histogram::quantile_ns(double q) const {
  if (total_ == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(q * static_cast<double>(total_ - 1));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen > wanted) return upper_end(i);
  }
  return upper_end(counts_.size() - 1);
}

namespace {

std::string first_line(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

}  // namespace

ProcessUse use_of(pid_t pid) {
  const std::filesystem::path process = "/proc/" + std::to_string(pid);
  ProcessUse use;
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator(process / "task", gone)) {
    const double cpu_s = std::strtod(first_line(task.path() / "schedstat").c_str(), nullptr) / 1e9;
    use.cpu_s += cpu_s;
    use.thread_cpu_s[first_line(task.path() / "comm")] += cpu_s;
  }
  std::ifstream status(process / "status");
  for (std::string line; std::getline(status, line);) {
    std::istringstream words(line);
    std::string name;
    double kib = 0;
    words >> name >> kib;
    if (name == "VmRSS:") use.rss_mib = kib / 1024;
    if (name == "VmHWM:") use.rss_peak_mib = kib / 1024;
  }
  std::ifstream io(process / "io");
  for (std::string name; io >> name;) {
    double value = 0;
    io >> value;
    if (name == "write_bytes:") use.written_bytes = value;
  }
  return use;
}

double own_cpu_s() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

double machine_cpu_s() {
  std::istringstream line(first_line("/proc/stat"));
  std::string name;
  double user = 0, nice = 0, system = 0, idle = 0, io_wait = 0, irq = 0, soft_irq = 0;
  line >> name >> user >> nice >> system >> idle >> io_wait >> irq >> soft_irq;
  return (user + nice + system + irq + soft_irq) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  const double median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back()};
}

}  // namespace tandem::bench
