#include "tests/crash/sizes.h"

#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace tandem::crash {
namespace {

constexpr double mib = 1 << 20;

double rss_mib(pid_t process) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
  return 0;
}

/// What the directory takes on the disk; holes take nothing.
double disk_mib(const std::string& directory) {
  double bytes = 0;
  std::error_code gone;  // files come and go meanwhile
  for (std::filesystem::recursive_directory_iterator at(directory, gone), end; !gone && at != end; at.increment(gone)) {
    struct stat status{};
    if (::stat(at->path().c_str(), &status) == 0) bytes += static_cast<double>(status.st_blocks) * 512;
  }
  return bytes / mib;
}

}  // namespace

void Sizes::look(double at_s) {
  const double topics = disk_mib(directory_ + "/topics");
  samples_.push_back({at_s, rss_mib(broker_), topics, disk_mib(directory_) - topics});
}

/// Least squares over the second half: the first one fills what is meant to fill (caches, spare segments).
double Sizes::slope_per_min(double Sample::* size) const {
  const std::size_t first = samples_.size() / 2;
  const auto count = static_cast<double>(samples_.size() - first);
  double at = 0, of = 0, at_at = 0, at_of = 0;
  for (std::size_t i = first; i < samples_.size(); ++i) {
    const double x = samples_[i].at_s / 60, y = samples_[i].*size;
    at += x;
    of += y;
    at_at += x * x;
    at_of += x * y;
  }
  const double spread = count * at_at - at * at;
  return spread > 0 ? (count * at_of - at * of) / spread : 0;
}

std::string Sizes::report() const {
  if (samples_.empty()) return "no sizes";
  const Sample& last = samples_.back();
  char text[320];
  std::snprintf(text, sizeof text,
                "one broker for %.0f s: memory (RSS) %.1f MiB, %+.2f MiB/min; disk without topics %.1f MiB, %+.2f "
                "MiB/min; topics %.1f MiB, %+.2f MiB/min (they keep all)",
                last.at_s, last.rss_mib, slope_per_min(&Sample::rss_mib), last.rest_mib,
                slope_per_min(&Sample::rest_mib), last.topics_mib, slope_per_min(&Sample::topics_mib));
  return text;
}

}  // namespace tandem::crash
