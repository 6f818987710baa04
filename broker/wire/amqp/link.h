// What the channels of one connection share: the way to the broker, the way to the peer, and what both agreed
// on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "broker/base/limits.h"
#include "broker/wire/amqp/codec.h"
#include "broker/wire/amqp/content.h"
#include "broker/wire/face.h"

namespace tandem::wire::amqp {

/// What the client said it understands (client-properties, "capabilities").
struct ClientCapabilities {
  bool authentication_failure_close = false;
  bool consumer_cancel_notify = false;
  bool connection_blocked = false;
};

/// Bytes of half-received messages over all channels of a connection: four of the largest. Without it a peer
/// could leave one body open on each of 2,047 channels. Reached: 506, the connection is closed.
inline constexpr std::size_t assembly_size_max_bytes = 4 * limits::message_size_max_bytes;

class Link {
 public:
  Link(ConnectionId connection, BrokerPort& port, Outbox& outbox)
      : connection_(connection), port_(port), outbox_(outbox) {}

  BrokerPort& port() { return port_; }
  Outbox& outbox() { return outbox_; }
  ConnectionId connection() const { return connection_; }

  void write(std::uint16_t channel, Method method, std::initializer_list<FieldValue> values) {
    scratch_.clear();
    append_method(scratch_, channel, method, values);
    outbox_.write(scratch_);
  }
  ContentTarget content_target(std::uint16_t channel) { return {&outbox_, channel, frame_size_max_bytes}; }

  /// Names a request that waits for its answer: 31 bits, never 0.
  std::uint32_t next_request_serial() {
    request_serial_ = (request_serial_ + 1) & 0x7FFF'FFFF;
    return request_serial_ != 0 ? request_serial_ : ++request_serial_;
  }
  /// Tells the uses of one channel number apart.
  std::uint32_t next_incarnation() { return ++incarnation_; }
  /// The core's number of a consumer: grows by one with each call.
  std::uint64_t next_consumer() { return ++consumer_; }

  /// Room for `size` more bytes of half-received messages; false when there is none.
  bool reserve_assembly(std::size_t size) {
    if (size > assembly_size_max_bytes - assembly_size_bytes_) return false;
    assembly_size_bytes_ += size;
    return true;
  }
  void release_assembly(std::size_t size) { assembly_size_bytes_ -= size; }

  /// Of all channels: half-received messages, open transactions, and decompressed records of streams.
  std::size_t kept_bytes() const { return assembly_size_bytes_ + transactions_size_bytes + streams_size_bytes; }

  std::size_t transactions_size_bytes = 0;  // OpenTransaction counts it
  std::size_t streams_size_bytes = 0;       // StreamReader counts it
  std::string user;
  bool impersonates = false;  // the user may put any name into user_id
  ClientCapabilities capabilities;
  std::uint32_t frame_size_max_bytes = 0;
  bool stages_large = false;  // a large message is being staged: nothing is read until it is
  bool ended = false;         // the core has forgotten the connection
  bool publishes = false;  // it has sent a message at least once

 private:
  ConnectionId connection_;
  BrokerPort& port_;
  Outbox& outbox_;
  std::vector<std::byte> scratch_;
  std::uint32_t request_serial_ = 0, incarnation_ = 0;
  std::uint64_t consumer_ = 0;
  std::size_t assembly_size_bytes_ = 0;
};

}  // namespace tandem::wire::amqp
