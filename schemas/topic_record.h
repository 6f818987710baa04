// The one table by which a message (exchange, routing key, AMQP properties, body) becomes a topic record
// (key, value, headers) and back. A message that becomes a record and then a message again is the same
// message. A record that becomes a message and then a record again keeps its key, value and headers, and gets
// x-exchange and x-routing-key.
//
//   message                record
//   routing key            key, unless the binding chose another; and always header x-routing-key
//   body                   value
//   exchange               header x-exchange: its presence says "this record was a message"
//   property NAME          header x-amqp-NAME: text as it is; delivery-mode, priority and timestamp as
//   decimal text headers table entry    header of the same name: text as it is, void as a null value, any
//   other type as 00 and then
//                          an AMQP field table that has the value as its one entry, under an empty name.
//                          (Text that would be mistaken for that is written so too.) A name that begins with
//                          "x-amqp-" or is x-exchange, x-routing-key, x-record-key or x-record-null gets
//                          "x-amqp-header-" in front.
//   empty headers table    header x-amqp-headers
//
// A record without x-exchange (its producer spoke Kafka, or the native append) is a message of the default
// exchange; its key is the routing key when it has at most 255 bytes. What a message has no place for is in
// its headers: x-record-key (text: a longer key; void: the key is null) and x-record-null (void: the value is
// null, not empty). A record's timestamp is the time of its append and no part of the message.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "schemas/batch.h"
#include "schemas/message.h"

namespace tandem {

/// Adds a stored message to a batch as one record. `key` replaces the routing key as the record's key.
/// Errors: corrupt (not a whole message, or its properties are malformed).
Result<> add_message(BatchBuilder& batch, Bytes message, std::int64_t timestamp,
                     std::optional<std::string_view> key = std::nullopt);

/// The stored form of the message that the record stands for.
std::vector<std::byte> message_of(const RecordView& record);

}  // namespace tandem
