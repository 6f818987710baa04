// Listens on one address and port and hands over accepted sockets.
// Thread rule: the reactor's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "broker/net/reactor.h"
#include "broker/net/socket.h"
#include "schemas/result.h"

namespace tandem::net {

class AcceptHandler {
 public:
  virtual ~AcceptHandler() = default;
  virtual void accepted(Socket socket) = 0;
  /// No connection could be taken (out of descriptors, for one). The listener tries again after a second.
  virtual void accept_failed(const std::string& reason) = 0;
};

class Listener {
 public:
  /// `address` is an IPv4 or IPv6 address, with or without brackets; port 0 lets the system choose. `handler`
  /// must outlive the listener. Errors: in_use (the port is taken), unavailable (this machine has no such
  /// address), not_authorized (a port below 1024), invalid_argument (not an address); the text names address
  /// and port.
  static Result<std::unique_ptr<Listener>> open(Reactor& reactor, const std::string& address,
                                                std::uint16_t port, AcceptHandler& handler);
  /// Stops listening.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::uint16_t port() const;
  /// "127.0.0.1:7171" or "[::1]:7171".
  std::string endpoint() const;

 private:
  struct Acceptor;
  explicit Listener(std::shared_ptr<Acceptor> acceptor);
  std::shared_ptr<Acceptor> acceptor_;  // shared with the outstanding accept
};

}  // namespace tandem::net
