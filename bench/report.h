// What the rounds gave, as a table for people and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bench/workloads.h"

namespace tandem::bench {

struct Series {
  const Workload* workload = nullptr;
  std::vector<Outcome> rounds;
  std::vector<std::string> failures;
  std::string skipped;  // why, if it is
};

struct Report {
  std::string date;  // UTC
  int rounds = 0;
  std::size_t touched_bytes = 0;  // of memory, before the first round
  std::vector<Machine> machine;  // one per round
  std::vector<Series> series;
};

std::string table_of(const Report& report);
nlohmann::json json_of(const Report& report);

}  // namespace tandem::bench
