#include "broker/net/connection.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include "tests/net/echo_peer.h"

namespace tandem::net {

TEST_CASE("bytes that a client sends reach the handler in order") {
  Pair pair;
  pair.connection->wait_readable();
  REQUIRE(::send(pair.client, "hello ", 6, 0) == 6);
  REQUIRE(::send(pair.client, "world", 5, 0) == 5);
  CHECK(run_until(pair.reactor, [&] { return pair.recorder.received.size() == 11; }));
  CHECK(pair.recorder.received == "hello world");
}

TEST_CASE("an incomplete frame is offered again with more behind it") {
  Pair pair;
  pair.recorder.frame_size = 4;
  pair.connection->wait_readable();
  REQUIRE(::send(pair.client, "abc", 3, 0) == 3);
  REQUIRE(run_until(pair.reactor, [&] { return pair.recorder.offered.size() == 1; }));
  CHECK(pair.recorder.received.empty());
  REQUIRE(::send(pair.client, "defgh", 5, 0) == 5);
  CHECK(run_until(pair.reactor, [&] { return pair.recorder.received.size() == 8; }));
  CHECK(pair.recorder.received == "abcdefgh");
}

TEST_CASE("a frame larger than the shared buffer arrives whole") {
  constexpr std::size_t size = 3'000'000;
  Pair pair;
  pair.recorder.frame_size = size;
  pair.connection->wait_readable();
  std::string frame(2 * size, '\0');
  for (std::size_t i = 0; i < frame.size(); ++i) frame[i] = static_cast<char>('a' + i % 23);
  std::thread sender([&] {
    for (std::size_t done = 0; done < frame.size();) {
      const ssize_t sent = ::send(pair.client, frame.data() + done, frame.size() - done, 0);
      if (sent <= 0) return;
      done += static_cast<std::size_t>(sent);
    }
  });
  const bool arrived = run_until(pair.reactor, [&] { return pair.recorder.received.size() == frame.size(); });
  if (!arrived) pair.close_client();
  sender.join();
  CHECK(arrived);
  CHECK(pair.recorder.received == frame);
}

TEST_CASE("a connection that is not asked to read leaves the bytes with the kernel") {
  Pair pair;
  pair.recorder.paused = true;
  pair.connection->wait_readable();
  REQUIRE(::send(pair.client, "one", 3, 0) == 3);
  REQUIRE(run_until(pair.reactor, [&] { return pair.recorder.received == "one"; }));
  REQUIRE(::send(pair.client, "two", 3, 0) == 3);
  pair.reactor.wait(std::chrono::steady_clock::now() + std::chrono::milliseconds(20));
  CHECK(pair.recorder.received == "one");
  pair.connection->wait_readable();
  CHECK(run_until(pair.reactor, [&] { return pair.recorder.received == "onetwo"; }));
}

TEST_CASE("the peer's end is seen") {
  Pair pair;
  pair.connection->wait_readable();
  pair.close_client();
  CHECK(run_until(pair.reactor, [&] { return pair.recorder.ended; }));
}

TEST_CASE("what a peer does not read waits, and goes on when it reads") {
  Pair pair;
  const std::string sent(32u << 20, 'x');
  pair.recorder.to_write = sent;
  auto end = Connection::WriteEnd::more_to_write;
  const auto write = [&] {
    do end = pair.connection->write();
    while (end == Connection::WriteEnd::more_to_write);
  };
  write();
  REQUIRE(end == Connection::WriteEnd::peer_is_slow);
  REQUIRE_FALSE(pair.recorder.to_write.empty());

  std::string got(1 << 20, '\0');
  std::size_t size = 0;
  while (size < sent.size()) {
    pair.connection->wait_writable();
    const ssize_t n = ::recv(pair.client, got.data(), got.size(), 0);
    REQUIRE(n > 0);
    CHECK(std::all_of(got.begin(), got.begin() + n, [](char c) { return c == 'x'; }));
    size += static_cast<std::size_t>(n);
    pair.reactor.run_ready();
    if (!pair.recorder.to_write.empty()) write();
  }
  CHECK(end == Connection::WriteEnd::all_written);
  CHECK(pair.recorder.writable_count > 0);
}

TEST_CASE("writing to a peer that is gone fails as a value") {
  Pair pair;
  pair.close_client();
  auto end = Connection::WriteEnd::all_written;
  for (int i = 0; i < 100 && end != Connection::WriteEnd::failed; ++i) {
    pair.recorder.to_write = "x";
    end = pair.connection->write();
  }
  CHECK(end == Connection::WriteEnd::failed);
}

TEST_CASE("the peer reads the end once our side is shut") {
  Pair pair;
  pair.recorder.to_write = "goodbye";
  CHECK(pair.connection->write() == Connection::WriteEnd::all_written);
  pair.connection->shut_down_writing();
  char text[16];
  CHECK(::recv(pair.client, text, sizeof text, MSG_WAITALL) == 7);
  CHECK(::recv(pair.client, text, sizeof text, 0) == 0);
}

TEST_CASE("a connection may go while it waits") {
  Pair pair;
  pair.connection->wait_readable();
  pair.connection.reset();
  pair.reactor.wait(std::chrono::steady_clock::now() + std::chrono::milliseconds(5));
  char byte;
  CHECK(::recv(pair.client, &byte, 1, 0) == 0);
}

}  // namespace tandem::net
