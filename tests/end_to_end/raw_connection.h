// A connection of bytes, for what no client library would say, and some of Kafka's words.
#pragma once

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>

#include "schemas/byte_order.h"

namespace tandem::end_to_end {

/// A TCP connection that says what it is told to.
class RawConnection {
 public:
  explicit RawConnection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    const timeval limit{15, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~RawConnection() { ::close(socket_); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  /// The peer may have closed already: that is seen when reading.
  void say(const std::string& bytes) { (void)::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  /// Exactly so many bytes; the test fails when they do not come.
  std::string read(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t got = 0; got < size;) {
      const ssize_t more = ::recv(socket_, bytes.data() + got, size - got, 0);
      if (more < 0 && errno == EINTR) continue;  // stopped and continued: signal(7), sockets with a timeout
      REQUIRE(more > 0);
      got += static_cast<std::size_t>(more);
    }
    return bytes;
  }
  /// Everything up to the peer's end; nullopt when it does not end the connection.
  std::optional<std::string> read_to_end() {
    std::string all;
    char block[4096];
    while (true) {
      const ssize_t got = ::recv(socket_, block, sizeof block, 0);
      if (got == 0 || (got < 0 && errno == ECONNRESET)) return all;
      if (got < 0) return std::nullopt;
      all.append(block, static_cast<std::size_t>(got));
    }
  }

 private:
  int socket_;
};

template <class T>
std::string big(T value) {
  std::string bytes(sizeof value, '\0');
  store_big(reinterpret_cast<std::byte*>(bytes.data()), value);
  return bytes;
}
inline std::string kafka_frame(std::uint16_t key, std::uint16_t version, std::uint32_t correlation, const std::string& body) {
  const std::string request = big(key) + big(version) + big(correlation) + big(std::uint16_t{0xFFFF}) + body;
  return big(static_cast<std::uint32_t>(request.size())) + request;
}
/// Everything of partition 0, at once.
inline std::string fetch_request(const std::string& topic, std::uint32_t correlation) {
  const std::uint32_t size_max_bytes = 16u << 20, none = 0xFFFFFFFF, one = 1;
  return kafka_frame(1, 4, correlation, big(none) + big(std::uint32_t{0}) + big(one) + big(size_max_bytes) +
                                            std::string(1, '\0') + big(one) + big(static_cast<std::uint16_t>(topic.size())) +
                                            topic + big(one) + big(std::uint32_t{0}) + big(std::uint64_t{0}) +
                                            big(size_max_bytes));
}

/// What the system shows of a process, in KiB.
inline std::uint64_t status_kib(pid_t process, const std::string& name) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name)) return std::stoull(line.substr(name.size()));
  return 0;
}
/// Resident memory, and the most that it has been.
inline std::uint64_t memory_kib(pid_t process) {
  return status_kib(process, "VmRSS:");
}
inline std::uint64_t peak_memory_kib(pid_t process) {
  return status_kib(process, "VmHWM:");
}

}  // namespace tandem::end_to_end
