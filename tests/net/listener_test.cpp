#include "broker/net/listener.h"

#include <doctest/doctest.h>

#include "tests/net/echo_peer.h"

namespace tandem::net {

TEST_CASE("port 0 lets the system choose, and clients reach the port that was chosen") {
  Reactor reactor;
  AcceptOne accept;
  auto listener = Listener::open(reactor, "127.0.0.1", 0, accept);
  REQUIRE(listener.ok());
  CHECK((*listener)->port() != 0);
  CHECK((*listener)->endpoint() == "127.0.0.1:" + std::to_string((*listener)->port()));
  const int client = connect_to((*listener)->port());
  REQUIRE(client >= 0);
  REQUIRE(run_until(reactor, [&] { return accept.sockets.size() == 1; }));
  CHECK(accept.sockets.front().loopback());
  CHECK(accept.sockets.front().peer().starts_with("127.0.0.1:"));
  ::close(client);
}

TEST_CASE("a taken port is refused with its address and port in the text") {
  Reactor reactor;
  AcceptOne accept;
  auto first = Listener::open(reactor, "127.0.0.1", 0, accept);
  REQUIRE(first.ok());
  auto second = Listener::open(reactor, "127.0.0.1", (*first)->port(), accept);
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().code == ErrorCode::in_use);
  CHECK(second.error().text.find((*first)->endpoint()) != std::string::npos);
}

TEST_CASE("an address that is none is refused") {
  Reactor reactor;
  AcceptOne accept;
  auto listener = Listener::open(reactor, "localhost:1", 0, accept);
  REQUIRE_FALSE(listener.ok());
  CHECK(listener.error().code == ErrorCode::invalid_argument);
}

TEST_CASE("an address of another machine is refused") {
  Reactor reactor;
  AcceptOne accept;
  auto listener = Listener::open(reactor, "192.0.2.1", 0, accept);
  REQUIRE_FALSE(listener.ok());
  CHECK(listener.error().code == ErrorCode::unavailable);
}

TEST_CASE("a listener that is gone takes no more connections") {
  Reactor reactor;
  AcceptOne accept;
  auto listener = Listener::open(reactor, "127.0.0.1", 0, accept);
  REQUIRE(listener.ok());
  const std::uint16_t port = (*listener)->port();
  listener->reset();
  reactor.wait(std::chrono::steady_clock::now() + std::chrono::milliseconds(5));
  CHECK(connect_to(port) == -1);
}

}  // namespace tandem::net
