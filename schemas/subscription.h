// What a group member of protocol type "consumer" subscribes to, in the form that its own group exchanges (Kafka's consumer
// protocol; big endian):
//
//   version i16 | topics: count i32, then size i16 and text each | whatever later versions add
//
// The broker passes these bytes on unread, but for one question: whether a topic is still in use.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "schemas/message.h"

namespace tandem {

/// The protocol type of groups whose members exchange subscriptions.
inline constexpr std::string_view consumer_protocol_type = "consumer";

/// Views into `metadata`. nullopt: these bytes are no subscription.
std::optional<std::vector<std::string_view>> subscribed_topics(Bytes metadata);

}  // namespace tandem
