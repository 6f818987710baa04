// One line on stderr that says how far the bench is: a bar, what is running, and how long it has taken.
#pragma once

#include <cstddef>
#include <string>

#include "bench/measure.h"

namespace tandem::bench {

/// On a terminal the line is drawn over itself; elsewhere each step gets a line of its own, and no more.
class Progress {
 public:
  explicit Progress(std::size_t steps);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void begin_step(const std::string& what);
  /// Within the step. share: 0 … 1, or < 0 when it is not known. Draws ten times a second at most.
  void say(const std::string& doing, double share);
  /// A line above the bar.
  void note(const std::string& line);

 private:
  void draw(const std::string& tail);
  void clear() const;

  const std::size_t steps_;
  const bool is_terminal_;
  std::size_t step_ = 0;
  std::string what_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point drawn_{};
};

}  // namespace tandem::bench
