#include "tests/support/raw_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace tandem::support {

RawSocket::RawSocket(std::uint16_t port, int timeout_ms) : file_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (file_ < 0) return;
  const timeval timeout{timeout_ms / 1'000, timeout_ms % 1'000 * 1'000};
  ::setsockopt(file_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  ::setsockopt(file_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  const int on = 1;
  ::setsockopt(file_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(file_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) end();
}

RawSocket::~RawSocket() {
  end();
}

bool RawSocket::end() {
  if (file_ >= 0) ::close(file_);
  file_ = -1;
  return false;
}

bool RawSocket::write(Bytes bytes) {
  while (open() && !bytes.empty()) {
    const auto written = ::send(file_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return end();
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return open();
}

bool RawSocket::read(std::vector<std::byte>& into, std::size_t size) {
  into.resize(size);
  for (std::size_t done = 0; open() && done < size;) {
    const auto count = ::recv(file_, into.data() + done, size - done, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return end();
    done += static_cast<std::size_t>(count);
  }
  return open();
}

bool RawSocket::readable(int timeout_ms) const {
  pollfd wanted{file_, POLLIN, 0};
  return open() && ::poll(&wanted, 1, timeout_ms) > 0;
}

}  // namespace tandem::support
