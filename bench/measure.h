// What a measurement is made of: time, a histogram of durations, what a process used, and the middle of many.
#pragma once

#include <sys/types.h>

#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "schemas/result.h"

namespace tandem::bench {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// A workload that cannot be run or whose counts are wrong: its figures would mean nothing.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class T>
T must(Result<T> result, const std::string& what) {
  if (!result) throw Failure(what + ": " + result.error().text);
  return std::move(*result);
}

/// Durations in nanoseconds, in buckets of 1/64 of their power of two: a quantile is right within 1.6 %, whatever its
/// size, in 30 KiB.
class Histogram {
 public:
  void add(std::uint64_t ns) {
    ++counts_[bucket_of(ns)];
    ++total_;
  }
  void add(const Histogram& other);
  std::uint64_t count() const { return total_; }
  /// The upper end of the bucket that holds the quantile; 0 when nothing was added.
  double quantile_ns(double q) const;

 private:
  static constexpr std::size_t steps = 64;
  static std::size_t bucket_of(std::uint64_t ns) {
    if (ns < steps) return ns;
    const auto power = static_cast<std::size_t>(std::bit_width(ns)) - 7;  // ns >> power is in [64, 128)
    return (power + 1) * steps + ((ns >> power) - steps);
  }
  static double upper_end(std::size_t bucket);

  std::array<std::uint64_t, 59 * steps> counts_{};
  std::uint64_t total_ = 0;
};

struct ProcessUse {
  double cpu_s = 0;  // user and system, all threads that live
  std::map<std::string, double> thread_cpu_s;
  double rss_mib = 0, rss_peak_mib = 0;
  double written_bytes = 0;  // handed to the disk since it started
};
/// Of a process that runs, from /proc.
ProcessUse use_of(pid_t pid);
/// CPU seconds of this process.
double own_cpu_s();
/// CPU seconds of everything on this machine since it started.
double machine_cpu_s();

struct Spread {
  double median = 0, min = 0, max = 0;
};
/// Of at least one value.
Spread spread_of(std::vector<double> values);

}  // namespace tandem::bench
