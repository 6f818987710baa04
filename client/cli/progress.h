// A count on stderr that a person watches while a long verb runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tandem::cli {

/// Says nothing unless stderr is a terminal and the verb's data goes elsewhere: where a person types the input
/// or reads the output, that is progress enough. The line is wiped at the end.
class Progress {
 public:
  enum class Beside { input, output, neither };
  Progress(std::string done, Beside beside);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void add(std::uint64_t count);

 private:
  void show();

  const std::string done_;  // "sent"
  const bool watched_;
  bool shown_ = false;
  std::uint64_t count_ = 0;
  std::chrono::steady_clock::time_point started_, next_;
};

}  // namespace tandem::cli
