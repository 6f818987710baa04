// A client in a process of its own, which can be stopped in its tracks or killed.
#pragma once

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tandem/tandem.h"

namespace tandem::end_to_end {

/// Make it before this process has threads, which a fork would lose: before the first client of the test.
class ChildClient {
 public:
  /// Runs `work(client)` in the child; the constructor returns once it is done. Then the child waits to be killed.
  template <class Work>
  ChildClient(std::uint16_t port, Work work) {
    int done[2];
    REQUIRE(::pipe(done) == 0);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      ClientOptions options;
      options.port = port;
      auto client = Client::connect(options);
      // Whatever `work` opened lives on in its result until the kill.
      const auto kept = client ? work(*client) : nullptr;
      const char said = kept ? 'y' : 'n';
      if (::write(done[1], &said, 1) != 1) ::_exit(1);
      while (true) ::pause();
    }
    ::close(done[1]);
    char said = 0;
    REQUIRE(::read(done[0], &said, 1) == 1);
    ::close(done[0]);
    REQUIRE(said == 'y');
  }
  ~ChildClient() { kill(); }
  ChildClient(const ChildClient&) = delete;
  ChildClient& operator=(const ChildClient&) = delete;

  /// Nothing is read from its socket any more.
  void freeze() { REQUIRE(::kill(pid_, SIGSTOP) == 0); }
  /// It goes on where it was stopped.
  void thaw() { REQUIRE(::kill(pid_, SIGCONT) == 0); }
  /// kill -9: its socket closes without a word.
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
};

}  // namespace tandem::end_to_end
