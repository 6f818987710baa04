// A loop with the real core, a fake store and clients that speak lines.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>

#include "broker/server/loop.h"
#include "tests/server/fake_store.h"
#include "tests/server/line_face.h"

namespace tandem::server {

class LineClient {
 public:
  explicit LineClient(Loop& loop) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    fd_ = ends[0];
    ::fcntl(fd_, F_SETFL, O_NONBLOCK);
    loop.accept(net::Socket(ends[1], "test", true), LineFace::make);
  }
  ~LineClient() { close(); }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  void say(const std::string& line) {
    const std::string text = line + "\n";
    REQUIRE(::send(fd_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  }
  /// False when the kernel takes no more: nobody reads it.
  bool try_say(const std::string& lines) {
    const ssize_t sent = ::send(fd_, lines.data(), lines.size(), MSG_NOSIGNAL);
    REQUIRE((sent < 0 || sent == static_cast<ssize_t>(lines.size())));
    return sent > 0;
  }
  /// All that came since the last call.
  std::string heard() {
    std::string text, part(65536, '\0');
    for (ssize_t n; (n = ::recv(fd_, part.data(), part.size(), 0)) > 0;)
      text.append(part, 0, static_cast<std::size_t>(n));
    return text;
  }
  /// The broker closed its side.
  bool at_end() {
    char byte;
    return ::recv(fd_, &byte, 1, 0) == 0;
  }

 private:
  int fd_ = -1;
};

struct LoopFixture {
  LoopFixture() : loop(reactor) {
    auto owned = std::make_unique<FakeStore>();
    store = owned.get();
    loop.use_store(std::move(owned));
  }

  /// Turns of the loop until nothing more happens.
  void settle() {
    for (int i = 0; i < 8; ++i)
      loop.run_once(std::chrono::steady_clock::now() + std::chrono::milliseconds(2));
  }
  /// All that was written is on disk.
  void persist() {
    if (!store->written.empty()) loop.persisted(store->written.back());
    settle();
  }
  /// What `client` hears after it has said `line` and all is on disk.
  std::string ask(LineClient& client, const std::string& line) {
    client.say(line);
    settle();
    persist();
    return client.heard();
  }

  net::Reactor reactor;
  Loop loop;
  FakeStore* store;
};

}  // namespace tandem::server
