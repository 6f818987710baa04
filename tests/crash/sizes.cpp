#include "tests/crash/sizes.h"

#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/support/sanitized.h"

namespace tandem::crash {
namespace {

constexpr double mib = 1 << 20;
// 64 MiB of bodies, two commit groups of 8, what checkpoints take, and the program.
constexpr int rss_max_mib = 192;
// The journal's 512, and a backlog that is short.
constexpr int rest_max_mib = 640;
constexpr double judged_from_s = 600;
// MiB per minute: at 3,000 messages a second a byte or two of each; and a thousandth of what topics grow by, whose index is in memory (24 bytes
// for each 32 KiB).
constexpr double rss_slope_max = 0.25, of_topics_max = 0.001;

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

std::string Sizes::excess() const {
  if (samples_.empty()) return "nothing was looked at";
  const Sample& last = samples_.back();
  std::string excess;
  if (!support::is_sanitized && last.rss_mib > rss_max_mib) excess += "memory is above " + std::to_string(rss_max_mib) + " MiB; ";
  if (last.rest_mib > rest_max_mib) excess += "the disk without topics is above " + std::to_string(rest_max_mib) + " MiB; ";
  if (last.at_s < judged_from_s) return excess;
  if (slope_per_min(&Sample::rss_mib) > rss_slope_max + of_topics_max * slope_per_min(&Sample::topics_mib)) excess += "memory grows; ";
  return excess;
}

}  // namespace tandem::crash
