#include "bench/load_process.h"

#include <cstdio>

#include "bench/measure.h"

namespace tandem::bench {

nlohmann::json run_load(const std::string& command) {
  FILE* out = popen(command.c_str(), "r");
  if (!out) throw Failure("cannot be started: " + command);
  std::string text;
  for (char block[512]; std::fgets(block, sizeof block, out);) text += block;
  if (pclose(out) != 0) throw Failure(command + " failed: " + text);
  text.erase(0, text.find('{'));  // "warm" may stand before it
  auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) throw Failure(command + " said: " + text);
  return json;
}

}  // namespace tandem::bench
