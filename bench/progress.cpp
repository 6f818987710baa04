#include "bench/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace tandem::bench {
namespace {

constexpr std::size_t bar_width = 24;

std::string clock_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%d:%02d", static_cast<int>(seconds) / 60, static_cast<int>(seconds) % 60);
  return text;
}

}  // namespace

Progress::Progress(std::size_t steps) : steps_(std::max<std::size_t>(steps, 1)), is_terminal_(isatty(STDERR_FILENO)) {}

Progress::~Progress() {
  clear();
}

void Progress::clear() const {
  if (is_terminal_) std::fputs("\r\033[K", stderr);
}

void Progress::begin_step(const std::string& what) {
  ++step_;
  what_ = what;
  drawn_ = {};
  if (is_terminal_) return draw("");
  std::fprintf(stderr, "[%zu/%zu] %s, %s\n", step_, steps_, clock_text(seconds_since(begin_)).c_str(), what_.c_str());
}

void Progress::say(const std::string& doing, double share) {
  if (!is_terminal_ || Clock::now() - drawn_ < std::chrono::milliseconds(100)) return;
  std::string tail = ", " + doing;
  if (share >= 0) tail += " " + std::to_string(static_cast<int>(share * 100)) + " %";
  draw(tail);
}

void Progress::draw(const std::string& tail) {
  drawn_ = Clock::now();
  const double share = static_cast<double>(step_ - 1) / static_cast<double>(steps_);
  const auto full = std::min(bar_width, static_cast<std::size_t>(share * bar_width));
  std::string bar;
  for (std::size_t i = 0; i < bar_width; ++i) bar += i < full ? "█" : "░";
  const double passed_s = seconds_since(begin_);
  std::string left;
  if (step_ > 1) left = ", about " + clock_text(passed_s / share - passed_s) + " left";
  std::fprintf(stderr, "\r\033[K%s %zu/%zu  %s%s  (%s%s)", bar.c_str(), step_, steps_, what_.c_str(), tail.c_str(),
               clock_text(passed_s).c_str(), left.c_str());
}

void Progress::note(const std::string& line) {
  clear();
  std::fprintf(stderr, "%s\n", line.c_str());
}

}  // namespace tandem::bench
