#include "tests/support/proxy.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

namespace tandem::support {
namespace {

constexpr int look_again_ms = 20;  // how soon a change of the network is seen
constexpr std::size_t piece_max_bytes = 64u << 10;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void pause(int ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

}  // namespace

struct Proxy::Pair {
  int client = -1, broker = -1;
  std::atomic<bool> ended{false};
  std::thread there, back;
  ~Pair() {
    if (there.joinable()) there.join();
    if (back.joinable()) back.join();
    const linger reset{1, 0};
    for (const int file : {client, broker}) {
      if (file < 0) continue;
      ::setsockopt(file, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      ::close(file);
    }
  }
};

Proxy::Proxy(std::uint16_t target) : target_(target), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || ::bind(listener_, any, size) != 0 || ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, any, &size) != 0)
    throw std::runtime_error("no port for a proxy");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept(); });
}

Proxy::~Proxy() {
  ending_ = true;
  acceptor_.join();
  cut();
  ::close(listener_);
}

void Proxy::accept() {
  while (!ending_) {
    pollfd wanted{listener_, POLLIN, 0};
    if (::poll(&wanted, 1, look_again_ms) <= 0) continue;
    auto pair = std::make_unique<Pair>();
    pair->client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (pair->client < 0 || refuses_) continue;
    pair->broker = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(target_);
    if (::connect(pair->broker, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) continue;
    const int on = 1;
    for (const int file : {pair->client, pair->broker}) ::setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ++connections_;
    Pair& joined = *pair;
    joined.there = std::thread([this, &joined] { forward(joined, joined.client, joined.broker); });
    joined.back = std::thread([this, &joined] { forward(joined, joined.broker, joined.client); });
    const std::lock_guard lock(mutex_);
    pairs_.push_back(std::move(pair));
  }
}

void Proxy::forward(Pair& pair, int from, int to) {
  char bytes[piece_max_bytes];
  while (!pair.ended) {
    pollfd wanted{from, POLLIN, 0};
    if (silent_ || ::poll(&wanted, 1, look_again_ms) <= 0) {
      if (silent_) pause(look_again_ms);
      continue;
    }
    const auto count = ::recv(from, bytes, sizeof bytes, 0);
    if (count > 0) pause(delay_ms_);
    while (silent_ && !pair.ended) pause(look_again_ms);
    if (count <= 0 || !pass(pair, to, bytes, static_cast<std::size_t>(count))) break;
  }
  // The other side learns of an end; an ended pair is closed by cut() or at the end.
  ::shutdown(to, SHUT_WR);
}

bool Proxy::pass(Pair& pair, int to, const char* bytes, std::size_t size) {
  while (size > 0 && !pair.ended) {
    const auto sent = ::send(to, bytes, drips_ ? 1 : size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
      pause(1);
      continue;
    }
    if (sent <= 0) return false;
    bytes += sent;
    size -= static_cast<std::size_t>(sent);
    if (drips_) std::this_thread::yield();
  }
  return size == 0;
}

void Proxy::cut(bool refuse) {
  refuses_ = refuse;
  const std::lock_guard lock(mutex_);
  for (const auto& pair : pairs_) pair->ended = true;
  pairs_.clear();
}

}  // namespace tandem::support
