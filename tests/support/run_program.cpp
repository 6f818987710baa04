#include "tests/support/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

namespace tandem::support {

namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
  Pipe() {
    if (::pipe2(ends, O_CLOEXEC) != 0) ends[0] = ends[1] = -1;
  }
  ~Pipe() {
    close_write_end();
    if (ends[0] >= 0) ::close(ends[0]);
  }
  void close_write_end() {
    if (ends[1] >= 0) ::close(ends[1]);
    ends[1] = -1;
  }
  int ends[2];
};

[[noreturn]] void become(std::vector<std::string>& words, const Pipe& out, const Pipe& error) {
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::dup2(out.ends[1], STDOUT_FILENO);
  ::dup2(error.ends[1], STDERR_FILENO);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

/// Reads what is there; false at the end.
bool read_some(int fd, std::string& text) {
  char part[4096];
  const ssize_t size = ::read(fd, part, sizeof part);
  if (size > 0) text.append(part, static_cast<std::size_t>(size));
  return size > 0;
}

/// False when time was over before both ended.
bool read_both(int out, int error, ProgramEnd& end, Clock::time_point deadline) {
  pollfd wanted[] = {{out, POLLIN, 0}, {error, POLLIN, 0}};
  while (wanted[0].fd >= 0 || wanted[1].fd >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0 || ::poll(wanted, 2, static_cast<int>(left)) <= 0) return false;
    if (wanted[0].revents != 0 && !read_some(out, end.out)) wanted[0].fd = -1;
    if (wanted[1].revents != 0 && !read_some(error, end.error)) wanted[1].fd = -1;
  }
  return true;
}

}  // namespace

ProgramEnd run_program(std::vector<std::string> words, int timeout_ms) {
  ProgramEnd end;
  Pipe out, error;
  const pid_t pid = ::fork();
  if (pid == 0) become(words, out, error);
  out.close_write_end();
  error.close_write_end();
  const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  const bool in_time = read_both(out.ends[0], error.ends[0], end, deadline);
  if (!in_time) ::kill(pid, SIGKILL);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (in_time) end.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return end;
}

}  // namespace tandem::support
