// How large a broker's process and its data directory are, over time.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace tandem::crash {

class Sizes {
 public:
  /// `directory`: the broker's data directory, with topics/ in it.
  Sizes(pid_t broker, std::string directory) : broker_(broker), directory_(std::move(directory)) {}
  /// Looks now; `at_s`: seconds since the beginning.
  void look(double at_s);
  /// One line: each size at its end, and how fast it grew over the second half (MiB per minute).
  std::string report() const;
  /// What grew beyond its limit, or would in time; "" when nothing did. How fast is judged of a run of ten minutes and more: before, caches
  /// fill.
  std::string excess() const;

 private:
  struct Sample {
    double at_s = 0, rss_mib = 0, topics_mib = 0, rest_mib = 0;
  };
  double slope_per_min(double Sample::* size) const;

  const pid_t broker_;
  const std::string directory_;
  std::vector<Sample> samples_;
};

}  // namespace tandem::crash
