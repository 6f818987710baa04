// The Asio side of a Reactor, for this room's .cpp files only.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "broker/net/reactor.h"

namespace tandem::net {

struct Reactor::Asio {
  asio::io_context context{1};  // one thread runs it
  asio::executor_work_guard<asio::io_context::executor_type> guard = asio::make_work_guard(context);
  asio::steady_timer timer{context};
  Deadline armed = never;  // when `timer` fires
};

}  // namespace tandem::net
