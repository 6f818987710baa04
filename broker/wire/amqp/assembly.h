// One message while its frames come in: basic.publish, content header, body frames. A channel has one at a
// time; frames of other channels may come between.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/wire/amqp/fault.h"
#include "broker/wire/amqp/link.h"

namespace tandem::wire::amqp {

/// A whole message as it came: views that live until the next frame of its channel.
struct PublishedMessage {
  std::string_view exchange;
  std::string_view routing_key;
  bool mandatory = false;
  Bytes properties;
  Bytes body;
};

class Assembly {
 public:
  explicit Assembly(Link& link) : link_(link) {}
  ~Assembly() { reset(); }
  Assembly(const Assembly&) = delete;
  Assembly& operator=(const Assembly&) = delete;

  /// Between messages: methods are welcome, content is not.
  bool idle() const { return stage_ == Stage::idle; }
  /// The fault of any other frame that comes while a message is under way.
  Fault interrupted() const;

  void begin(std::string_view exchange, std::string_view routing_key, bool mandatory);
  /// `whole` is filled when the message has no body.
  Verdict take_header(Bytes payload, std::optional<PublishedMessage>& whole);
  Verdict take_body(Bytes payload, std::optional<PublishedMessage>& whole);
  void reset();

 private:
  enum class Stage : std::uint8_t { idle, header, body };
  void make_room(std::size_t more);
  PublishedMessage finished(Bytes body);

  Link& link_;
  Stage stage_ = Stage::idle;
  bool mandatory_ = false;
  std::uint64_t body_size_bytes_ = 0;  // what the header announced
  std::string exchange_, routing_key_;
  std::vector<std::byte> properties_;
  std::vector<std::byte> body_;  // only of a body in several frames
};

}  // namespace tandem::wire::amqp
