#include "broker/net/reactor.h"

#include <asio/post.hpp>

#include "broker/net/reactor_asio.h"

namespace tandem::net {

Reactor::Reactor() : asio_(std::make_unique<Asio>()) {}
Reactor::~Reactor() = default;

void Reactor::post(std::function<void()> task) {
  asio::post(asio_->context, std::move(task));
}

namespace {

// An earlier deadline than needed stays armed: waking once for nothing costs less than moving the timer at
// every wait.
void arm(Reactor::Asio& asio, Deadline due) {
  if (due >= asio.armed) return;
  asio.armed = due;
  asio.timer.expires_at(due);
  asio.timer.async_wait([&asio](const asio::error_code& error) {
    if (!error) asio.armed = never;
  });
}

}  // namespace

void Reactor::wait(Deadline due) {
  arm(*asio_, due);
  asio_->context.run_one();
}

bool Reactor::run_ready() {
  return asio_->context.poll_one() > 0;
}

}  // namespace tandem::net
