#include "tests/support/broker_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

namespace tandem::support {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void become_broker(const BrokerProcess::Options& options, int ready_fd,
                                const std::string& stderr_file) {
  std::vector<std::string> words = {
      options.program, "--data", options.directory, "--native-port", "0", "--amqp-port", "0", "--kafka-port", "0"};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  dup2(ready_fd, STDOUT_FILENO);
  const int errors = open(stderr_file.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  if (errors >= 0) dup2(errors, STDERR_FILENO);
  if (options.address_space_max_bytes > 0) {
    const rlimit limit{options.address_space_max_bytes, options.address_space_max_bytes};
    setrlimit(RLIMIT_AS, &limit);
  }
  for (std::string setting : options.environment) {
    const auto equals = setting.find('=');
    setenv(setting.substr(0, equals).c_str(), setting.substr(equals + 1).c_str(), 1);
  }
  execv(argv[0], argv.data());
  _exit(127);
}

/// The first line from `fd`; what came so far when it ends or time is over.
std::string read_line(int fd, int timeout_ms) {
  std::string line;
  const auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
  while (line.empty() || line.back() != '\n') {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd wanted{fd, POLLIN, 0};
    if (left <= 0 || poll(&wanted, 1, static_cast<int>(left)) <= 0) break;
    char c = 0;
    if (read(fd, &c, 1) != 1) break;
    line += c;
  }
  return line;
}

}  // namespace

Result<BrokerProcess> BrokerProcess::start(const Options& options) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Error{ErrorCode::internal, "no pipe"};
  const std::string stderr_file = options.directory + ".stderr";
  const auto begin = Clock::now();
  const pid_t pid = fork();
  if (pid == 0) become_broker(options, ends[1], stderr_file);
  close(ends[1]);
  BrokerProcess process;
  process.pid_ = pid;
  process.ready_line_ = read_line(ends[0], options.ready_timeout_ms);
  process.ready_ms_ = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  close(ends[0]);
  if (process.ready_line_.starts_with("ready")) return process;
  process.kill();
  std::ifstream errors(stderr_file);
  std::stringstream text;
  text << errors.rdbuf();
  return Error{ErrorCode::unavailable, "tandemd did not get ready: " + process.ready_line_ + text.str()};
}

BrokerProcess::BrokerProcess(BrokerProcess&& other) noexcept {
  *this = std::move(other);
}

BrokerProcess& BrokerProcess::operator=(BrokerProcess&& other) noexcept {
  if (this == &other) return *this;
  kill();
  pid_ = std::exchange(other.pid_, -1);
  ready_line_ = std::move(other.ready_line_);
  ready_ms_ = other.ready_ms_;
  return *this;
}

BrokerProcess::~BrokerProcess() {
  kill();
}

std::uint16_t BrokerProcess::port(const std::string& face) const {
  const auto at = ready_line_.find(face + "=");
  if (at == std::string::npos) return 0;
  const std::string address = ready_line_.substr(at, ready_line_.find_first_of(" ,\n", at) - at);
  return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

void BrokerProcess::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

int BrokerProcess::terminate(int timeout_ms, int signal) {
  if (pid_ <= 0) return -1;
  ::kill(pid_, signal);
  return wait(timeout_ms);
}

bool BrokerProcess::has_ended() const {
  siginfo_t status{};
  return pid_ <= 0 || (waitid(P_PID, static_cast<id_t>(pid_), &status, WEXITED | WNOHANG | WNOWAIT) == 0 && status.si_pid == pid_);
}

int BrokerProcess::wait(int timeout_ms) {
  if (pid_ <= 0) return -1;
  const auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
  while (Clock::now() < end) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  kill();
  return -1;
}

}  // namespace tandem::support
