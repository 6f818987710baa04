// A message whose frames lie one behind the other in the input: basic.publish, content header, and one body frame or
// none. Nearly all messages come so, and then nothing of them has to be kept from frame to frame (assembly.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "broker/wire/amqp/assembly.h"

namespace tandem::wire::amqp {

struct PublishFields {
  std::string_view exchange, routing_key;
  bool mandatory = false, immediate = false;
};
/// `fields`: of basic.publish, behind class and method. False: malformed.
bool read_publish(Bytes fields, PublishFields& publish);

struct WholePublish {
  PublishedMessage message;  // views into the input
  PropertyGlance glance;
  std::size_t size_bytes = 0;  // of its frames
};

/// Reads the message at the front of `input`. False: it is not all there, or anything about it is wrong or out of the
/// ordinary; then it is taken frame by frame, which says what is wrong. `payload_size_max`: of one frame.
bool read_whole_publish(Bytes input, std::uint16_t channel, std::size_t payload_size_max, WholePublish& whole);

}  // namespace tandem::wire::amqp
