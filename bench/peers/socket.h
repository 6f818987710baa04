// A blocking TCP connection to this machine with an input buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::bench::peers {

class Socket {
 public:
  explicit Socket(std::uint16_t port);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void send(std::string_view bytes);
  /// What was received and not consumed.
  std::string_view input() const { return {input_.data() + begin_, end_ - begin_}; }
  void consume(std::size_t size) { begin_ += size; }
  /// Reads what is there; waits for it up to `wait_ms`. False: nothing came. Throws when the peer closes.
  bool receive(int wait_ms);
  /// Waits until `size` bytes are there.
  std::string_view need(std::size_t size);
  /// Waits for a line and consumes it; without its CR LF.
  std::string line();

 private:
  int fd_ = -1;
  std::vector<char> input_;
  std::size_t begin_ = 0, end_ = 0;
};

}  // namespace tandem::bench::peers
