// Waits for sockets, signals, tasks of other threads and one deadline: the only thing the loop ever blocks
// on. Hides Asio's io_context (reactor_asio.h), so that only this room's .cpp files pay for it. Thread rule:
// one thread waits and owns everything made on a reactor; post() may be called from any thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace tandem::net {

using Deadline = std::chrono::steady_clock::time_point;
inline constexpr Deadline never = Deadline::max();

class Reactor {
 public:
  Reactor();
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  /// Runs `task` on the waiting thread, soon and in the order of the calls. Any thread.
  void post(std::function<void()> task);

  /// Sleeps until something happens or `due` has come, and runs the first event. May return early.
  void wait(Deadline due);
  /// Runs one event that is ready, without waiting; false when there is none.
  bool run_ready();

  struct Asio;
  Asio& asio() { return *asio_; }

 private:
  std::unique_ptr<Asio> asio_;
};

}  // namespace tandem::net
