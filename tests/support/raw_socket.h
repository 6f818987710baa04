// A blocking TCP connection to this machine, for clients that speak a protocol byte by byte themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "schemas/message.h"

namespace tandem::support {

/// One thread at a time. Everything gives false once the connection has ended.
class RawSocket {
 public:
  explicit RawSocket(std::uint16_t port, int timeout_ms = 10'000);
  ~RawSocket();
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  bool open() const { return file_ >= 0; }
  bool write(Bytes bytes);
  /// Exactly `size` bytes, replacing what `into` holds.
  bool read(std::vector<std::byte>& into, std::size_t size);
  /// Something can be read within this time.
  bool readable(int timeout_ms) const;

 private:
  bool end();
  int file_ = -1;
};

}  // namespace tandem::support
