#include "client/cli/progress.h"

#include <unistd.h>

#include <cstdio>

namespace tandem::cli {
namespace {

using Clock = std::chrono::steady_clock;

// Nothing is shown of what is over at once; afterwards often enough to be seen moving.
constexpr auto first_after = std::chrono::milliseconds(500);
constexpr auto redraw_interval = std::chrono::milliseconds(200);

bool is_watched(Progress::Beside beside) {
  if (isatty(STDERR_FILENO) == 0) return false;
  if (beside == Progress::Beside::input) return isatty(STDIN_FILENO) == 0;
  return beside == Progress::Beside::neither || isatty(STDOUT_FILENO) == 0;
}

}  // namespace

Progress::Progress(std::string done, Beside beside)
    : done_(std::move(done)),
      watched_(is_watched(beside)),
      started_(Clock::now()),
      next_(started_ + first_after) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\033[K", stderr);
}

void Progress::add(std::uint64_t count) {
  if (!watched_) return;
  count_ += count;
  if (Clock::now() >= next_) show();
}

void Progress::show() {
  const auto now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - started_).count();
  std::fprintf(stderr, "\r\033[K%llu %s, %.0f/s", static_cast<unsigned long long>(count_), done_.c_str(),
               static_cast<double>(count_) / seconds);
  std::fflush(stderr);
  shown_ = true;
  next_ = now + redraw_interval;
}

}  // namespace tandem::cli
