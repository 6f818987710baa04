// One TCP connection, from its first try to its end: Asio and nothing of the protocol. All on one strand.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/strand.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client/frames.h"
#include "client/input_buffer.h"
#include "schemas/result.h"

namespace tandem::client {

using Strand = asio::strand<asio::any_io_executor>;

class ConnectionEvents {
 public:
  virtual void connection_opened() = 0;
  /// Returns the bytes consumed; an error ends the connection.
  virtual Result<std::size_t> received(Bytes input, const Owner& owner) = 0;
  virtual std::size_t input_size_wanted_bytes() const = 0;
  virtual void written() = 0;
  /// Once, and not after close().
  virtual void connection_lost(const Error& why) = 0;

 protected:
  ~ConnectionEvents() = default;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// `events` (kept alive) is told until close().
  Connection(const Strand& strand, std::shared_ptr<ConnectionEvents> events);

  void open(const std::string& host, std::uint16_t port);
  /// One write at a time: the next after written().
  void write(std::vector<Frame> frames);
  /// While held, nothing is read: the broker's bytes stay in the socket.
  void hold_reading(bool held);
  /// Ends it as if it had broken.
  void lose(Error why);
  void close();

 private:
  void read();
  void take_input(std::size_t size_bytes);

  Strand strand_;
  std::shared_ptr<ConnectionEvents> events_;  // null: closed
  asio::ip::tcp::resolver resolver_;
  asio::ip::tcp::socket socket_;
  InputBuffer input_;
  std::vector<Frame> writing_;
  bool reading_ = false, held_ = false;
};

}  // namespace tandem::client
