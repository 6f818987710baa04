// SIGTERM, SIGINT and SIGHUP as events of the reactor.
#pragma once

#include <functional>
#include <memory>

#include "broker/net/reactor.h"

namespace tandem::net {

class StopSignal {
 public:
  /// Calls `asked` with the signal's number at every SIGTERM and SIGINT, and at every SIGHUP unless that was
  /// ignored before (nohup), on the reactor's thread.
  StopSignal(Reactor& reactor, std::function<void(int)> asked);
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

 private:
  struct Signals;
  std::shared_ptr<Signals> signals_;  // shared with the outstanding wait
};

}  // namespace tandem::net
