#include "broker/net/stop_signal.h"

#include <asio/signal_set.hpp>
#include <csignal>

#include "broker/net/reactor_asio.h"

namespace tandem::net {

struct StopSignal::Signals : std::enable_shared_from_this<Signals> {
  Signals(Reactor& reactor, std::function<void(int)> a)
      : set(reactor.asio().context, SIGTERM, SIGINT), asked(std::move(a)) {
    // The terminal has gone; under nohup it is ignored, and stays so.
    struct sigaction hang_up {};
    if (sigaction(SIGHUP, nullptr, &hang_up) == 0 && hang_up.sa_handler != SIG_IGN) set.add(SIGHUP);
  }

  void wait_next() {
    set.async_wait([self = shared_from_this()](const asio::error_code& error, int number) {
      if (error || !self->asked) return;
      self->asked(number);
      self->wait_next();
    });
  }

  asio::signal_set set;
  std::function<void(int)> asked;
};

StopSignal::StopSignal(Reactor& reactor, std::function<void(int)> asked)
    : signals_(std::make_shared<Signals>(reactor, std::move(asked))) {
  signals_->wait_next();
}

StopSignal::~StopSignal() {
  signals_->asked = nullptr;
  asio::error_code ignored;
  signals_->set.cancel(ignored);
}

}  // namespace tandem::net
