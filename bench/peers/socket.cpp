#include "bench/peers/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "bench/measure.h"

namespace tandem::bench::peers {
namespace {

constexpr std::size_t read_size_bytes = 256u << 10;
constexpr int answer_wait_ms = 20'000;

}  // namespace

Socket::Socket(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int one = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw Failure("connect to port " + std::to_string(port) + ": " + std::strerror(errno));
}

Socket::~Socket() {
  close(fd_);
}

void Socket::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) throw Failure(std::string("send: ") + std::strerror(errno));
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
}

bool Socket::receive(int wait_ms) {
  if (begin_ > 0) {
    std::memmove(input_.data(), input_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (input_.size() < end_ + read_size_bytes) input_.resize(end_ + read_size_bytes);
  pollfd wanted{fd_, POLLIN, 0};
  if (wait_ms != 0 && poll(&wanted, 1, wait_ms) <= 0) return false;
  const ssize_t size = recv(fd_, input_.data() + end_, read_size_bytes, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (size <= 0) throw Failure("the peer closed the connection");
  end_ += static_cast<std::size_t>(size);
  return true;
}

std::string_view Socket::need(std::size_t size) {
  while (input().size() < size)
    if (!receive(answer_wait_ms)) throw Failure("the peer does not answer");
  return input();
}

std::string Socket::line() {
  for (;;) {
    const auto end = input().find("\r\n");
    if (end != std::string_view::npos) {
      std::string text(input().substr(0, end));
      consume(end + 2);
      return text;
    }
    if (!receive(answer_wait_ms)) throw Failure("the peer does not answer");
  }
}

}  // namespace tandem::bench::peers
