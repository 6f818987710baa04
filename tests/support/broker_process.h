// A real tandemd as a child process, for tests that start, kill and restart it.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

#include "schemas/result.h"

namespace tandem::support {

/// Killed (SIGKILL) by its destructor if it still runs. One thread at a time.
class BrokerProcess {
 public:
  struct Options {
    std::string program;    // path of tandemd
    std::string directory;  // --data
    std::vector<std::string> arguments;
    int ready_timeout_ms = 20'000;
    std::uint64_t address_space_max_bytes = 0;  // 0 = no limit of its own (setrlimit, RLIMIT_AS)
    std::vector<std::string> environment = {};  // "NAME=value", beside what this process has
  };

  /// Starts tandemd with ports that the system chooses and waits for its ready line. Error: it ended before,
  /// with what it wrote to stderr.
  static Result<BrokerProcess> start(const Options& options);

  BrokerProcess(BrokerProcess&& other) noexcept;
  BrokerProcess& operator=(BrokerProcess&& other) noexcept;
  ~BrokerProcess();

  /// Port of a face by its name in the ready line ("native", "amqp", "kafka"); 0 = not there.
  std::uint16_t port(const std::string& face) const;
  const std::string& ready_line() const { return ready_line_; }
  pid_t pid() const { return pid_; }
  /// Milliseconds from the start of the process to its ready line.
  double ready_ms() const { return ready_ms_; }

  bool has_ended() const;
  /// Waits for its end by itself; gives the exit status as terminate() does.
  int wait(int timeout_ms = 20'000);
  /// kill -9, and waits for its end.
  void kill();
  /// SIGTERM (or another one that stops it in order), waits, and gives the exit status (128 + signal when it died of one; -1 when it did not end in
  /// time and was killed).
  int terminate(int timeout_ms = 20'000, int signal = SIGTERM);

 private:
  BrokerProcess() = default;
  pid_t pid_ = -1;
  std::string ready_line_;
  double ready_ms_ = 0;
};

}  // namespace tandem::support
