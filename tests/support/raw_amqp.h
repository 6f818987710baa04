// A small AMQP 0-9-1 client with one channel, made of sockets and bytes: it shares no code with the broker's AMQP face.
// Sources: the AMQP 0-9-1 specification (frames: 2.3.5, methods by their numbers in its XML); publisher confirms as
// RabbitMQ has them (class 85).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/raw_socket.h"

namespace tandem::support {

/// One thread at a time.
class RawAmqp {
 public:
  /// Connects as guest and opens channel 1; open() says whether that went well.
  explicit RawAmqp(std::uint16_t port);
  bool open() const { return opened_ && socket_.open(); }

  bool confirm_select() { return call(85, 10, {0}, 11); }
  bool tx_select() { return call(90, 10, {}, 11); }
  /// True: the broker said commit-ok.
  bool tx_commit() { return call(90, 20, {}, 21); }
  bool qos(std::uint16_t prefetch);
  bool consume(std::string_view queue);
  /// Persistent. Not answered here: see next().
  bool publish(std::string_view exchange, std::string_view routing_key, std::string_view body);
  bool ack(std::uint64_t tag);
  bool requeue(std::uint64_t tag);

  /// A confirm or a delivery.
  struct Event {
    enum class Kind { confirm, refusal, delivery } kind = Kind::confirm;
    std::uint64_t tag = 0;
    bool multiple = false;     // a confirm of all up to `tag`
    bool redelivered = false;  // a delivery
    std::string body;
  };
  /// nullopt: none within this time, or the connection has ended; look at open().
  std::optional<Event> next(int timeout_ms);

 private:
  struct Frame {
    std::uint8_t type = 0;
    std::uint16_t class_id = 0, method_id = 0;  // of a method
    std::vector<std::byte> payload;             // behind them
  };
  bool handshake();
  bool send_method(std::uint16_t channel, std::uint16_t class_id, std::uint16_t method_id, Bytes arguments);
  bool send_frame(std::uint8_t type, std::uint16_t channel, Bytes payload);
  bool read_frame(Frame& frame);
  /// A method on channel 1 and the wait for its answer; what comes before it is kept for next().
  bool call(std::uint16_t class_id, std::uint16_t method_id, const std::vector<std::uint8_t>& arguments,
            std::uint16_t answer);
  bool await(std::uint16_t class_id, std::uint16_t method_id);
  std::optional<Event> event_of(const Frame& frame);
  bool settle(std::uint16_t method_id, std::uint64_t tag, std::uint8_t bits);

  RawSocket socket_;
  std::vector<Event> early_;
  bool opened_ = false;
};

}  // namespace tandem::support
