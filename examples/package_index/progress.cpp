#include "examples/package_index/progress.h"

#include <unistd.h>

#include <cstdio>

namespace package_index {

Progress::Progress(std::string what, std::uint64_t total)
    : what_(std::move(what)), total_(total), terminal_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  if (terminal_) std::fputs("\r\033[K", stderr);
}

void Progress::show(std::uint64_t done) {
  if (!terminal_ || total_ == 0) return;
  const std::uint64_t permille = done * 1000 / total_;
  if (permille == shown_permille_) return;
  shown_permille_ = permille;
  constexpr int width = 40;
  const int filled = static_cast<int>(permille * width / 1000);
  std::fprintf(stderr, "\r%-22s [%.*s%*s] %3llu %%", what_.c_str(), filled,
               "########################################", width - filled, "",
               static_cast<unsigned long long>(permille / 10));
  std::fflush(stderr);
}

}  // namespace package_index
