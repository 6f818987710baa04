// A connected TCP socket on its way from a Listener to a Connection: owns the descriptor.
#pragma once

#include <string>
#include <utility>

namespace tandem::net {

class Socket {
 public:
  Socket() = default;
  Socket(int descriptor, std::string peer, bool loopback)
      : descriptor_(descriptor), peer_(std::move(peer)), loopback_(loopback) {}
  Socket(Socket&& other) noexcept { swap(other); }
  Socket& operator=(Socket&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Socket();

  /// -1 when there is none.
  int descriptor() const { return descriptor_; }
  /// Gives the descriptor away.
  int release() { return std::exchange(descriptor_, -1); }
  /// "127.0.0.1:50312" or "[::1]:50312".
  const std::string& peer() const { return peer_; }
  /// The peer is on this machine.
  bool loopback() const { return loopback_; }

 private:
  void swap(Socket& other) {
    std::swap(descriptor_, other.descriptor_);
    std::swap(peer_, other.peer_);
    std::swap(loopback_, other.loopback_);
  }

  int descriptor_ = -1;
  std::string peer_;
  bool loopback_ = false;
};

}  // namespace tandem::net
