#include "broker/server/peers.h"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include "tests/server/loop_fixture.h"

namespace tandem::server {

namespace {

struct Slots {
  LoopFixture t;
  Peers peers;
  ConnectionId add() {
    const ConnectionId id = peers.next_id();
    net::Socket socket(::socket(AF_INET, SOCK_STREAM, 0), "test", true);
    auto face = LineFace::make({id, &t.loop, "test", true});
    peers.add(std::make_unique<Peer>(t.loop, id, t.reactor, std::move(socket), std::move(face)));
    return id;
  }
};

}  // namespace

TEST_CASE("a peer is found by its id until it is removed") {
  Slots s;
  const ConnectionId a = s.add(), b = s.add();
  REQUIRE(s.peers.find(a) != nullptr);
  CHECK(s.peers.find(a)->id() == a);
  CHECK(s.peers.find(b)->id() == b);
  CHECK(s.peers.size() == 2);
  s.peers.remove(a);
  CHECK(s.peers.find(a) == nullptr);
  CHECK(s.peers.find(b) != nullptr);
  CHECK(s.peers.size() == 1);
}

TEST_CASE("a slot is used again, an id is not") {
  Slots s;
  const ConnectionId before = s.add();
  s.peers.remove(before);
  const ConnectionId after = s.add();
  CHECK(before != after);
  CHECK(s.peers.find(before) == nullptr);
  CHECK(s.peers.find(after) != nullptr);
}

TEST_CASE("an id that was never given finds nobody") {
  Slots s;
  s.add();
  CHECK(s.peers.find(ConnectionId{0}) == nullptr);
  CHECK(s.peers.find(ConnectionId{12345}) == nullptr);
}

}  // namespace tandem::server
