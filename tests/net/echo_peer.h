// A handler that keeps what it receives and writes what it is given; and a plain client socket to talk to it.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "broker/net/connection.h"
#include "broker/net/listener.h"

namespace tandem::net {

class Recorder final : public ConnectionHandler {
 public:
  void attach(Connection& connection) { connection_ = &connection; }
  void readable() override {
    const auto result = connection_->read(scratch_);
    ended = ended || result.end != Connection::ReadEnd::open;
    if (!ended && !paused) connection_->wait_readable();
  }
  void writable() override { ++writable_count; }
  std::size_t receive(Bytes input) override {
    offered.push_back(input.size());
    const std::size_t size = input.size() / frame_size * frame_size;
    received += text_of(input.first(size));
    return size;
  }
  std::size_t input_size_wanted_bytes() const override { return frame_size; }
  void gather(std::vector<Bytes>& pieces, std::size_t) override {
    if (!to_write.empty()) pieces.push_back(bytes_of(to_write));
  }
  void written(std::size_t size) override { to_write.erase(0, size); }

  std::size_t frame_size = 1;
  std::string received, to_write;
  std::vector<std::size_t> offered;
  bool ended = false, paused = false;
  int writable_count = 0;

 private:
  Connection* connection_ = nullptr;
  ReadScratch scratch_;
};

class AcceptOne final : public AcceptHandler {
 public:
  void accepted(Socket s) override { sockets.push_back(std::move(s)); }
  void accept_failed(const std::string& reason) override { failures.push_back(reason); }
  std::vector<Socket> sockets;
  std::vector<std::string> failures;
};

/// A blocking client socket on 127.0.0.1; -1 when the connection is refused.
inline int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

/// Runs the reactor until `done` or two seconds have passed; says whether `done`.
template <class Done>
bool run_until(Reactor& reactor, Done done) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (!done() && std::chrono::steady_clock::now() < give_up)
    reactor.wait(std::chrono::steady_clock::now() + std::chrono::milliseconds(50));
  return done();
}

/// A connection and the client's end of it.
struct Pair {
  Pair() {
    auto listener = Listener::open(reactor, "127.0.0.1", 0, accept);
    client = connect_to((*listener)->port());
    run_until(reactor, [&] { return !accept.sockets.empty(); });
    connection.emplace(reactor, std::move(accept.sockets.front()), recorder);
    recorder.attach(*connection);
  }
  ~Pair() {
    if (client >= 0) ::close(client);
  }
  void close_client() {
    ::close(client);
    client = -1;
  }

  Reactor reactor;
  AcceptOne accept;
  Recorder recorder;
  int client = -1;
  std::optional<Connection> connection;
};

}  // namespace tandem::net
