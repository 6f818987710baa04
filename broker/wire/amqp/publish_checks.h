// What RabbitMQ asks of a message's properties before it takes it, and the two rewritings that happen on the
// way in: BCC is removed, and reply-to becomes the name behind direct reply-to.
#pragma once

#include <string_view>
#include <vector>

#include "broker/wire/amqp/fault.h"
#include "schemas/message.h"

namespace tandem::wire::amqp {

/// Consumers of this name get the answers to what their channel published with it in reply-to.
inline constexpr std::string_view direct_reply_to = "amq.rabbitmq.reply-to";
/// What others see instead: this and a token nobody can guess.
inline constexpr std::string_view direct_reply_prefix = "amq.rabbitmq.reply-to.";

/// RabbitMQ's limit for x-message-ttl, x-expires and expiration: ten years of 365 days.
inline constexpr DurationMs time_to_live_max_ms = 315'360'000'000;

/// user_id is the connection's user, unless that `impersonates`; expiration is a whole number of milliseconds; CC and BCC
/// are arrays.
Verdict check_properties(const PropertyGlance& properties, std::string_view user, bool impersonates = false);

/// True when the message cannot be stored with the properties it came with.
bool needs_rewriting(const PropertyGlance& properties);

/// Appends `encoded` without BCC, and with `reply_queue` in reply-to when that asks for direct reply-to.
/// `encoded` was judged by check_properties.
void rewrite_properties(std::vector<std::byte>& out, Bytes encoded, std::string_view reply_queue);

}  // namespace tandem::wire::amqp
