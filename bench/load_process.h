// Programs that load a broker by another protocol than Tandem's own: run once, their one line of JSON taken.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace tandem::bench {

/// Runs the command to its end. Throws Failure when that is not good or what it said is no JSON.
nlohmann::json run_load(const std::string& command);

}  // namespace tandem::bench
