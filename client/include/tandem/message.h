// A message as a publisher makes it. What is stored and delivered is the form of schemas/message.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schemas/message.h"
#include "schemas/result.h"
#include "schemas/value.h"

namespace tandem {

/// Properties with delivery mode 2: the message survives a restart of the broker if its queue does.
inline Properties persistent() {
  Properties properties;
  properties.delivery_mode = 2;
  return properties;
}

/// A message that owns its parts. Limits: exchange and routing key 255 bytes each, the whole message 32 MiB.
struct Message {
  std::string exchange{};  // "" = the default exchange, which routes to the queue named by the routing key
  std::string routing_key{};
  Properties properties = persistent();
  std::string body{};
};

/// Properties encoded once and used for many messages: MessageParts::properties = encoded.bytes().
class EncodedProperties {
 public:
  explicit EncodedProperties(const Properties& properties = persistent()) {
    append_properties(bytes_, properties);
  }
  Bytes bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace tandem
