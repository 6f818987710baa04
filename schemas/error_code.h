// The kinds of refusal that a broker and its clients agree on. The numbers are part of the native protocol
// (docs/wire_protocol.md) and of the CLI's exit status; they are never reused.
#pragma once

#include <cstdint>
#include <string_view>

namespace tandem {

enum class ErrorCode : std::uint16_t {
  none = 0,
  not_found = 1,            // exchange, queue, topic, partition, group or consumer does not exist
  already_exists = 2,       // create of something that exists (topics; declare is idempotent instead)
  inequivalent = 3,         // redeclared with other properties; the text says which and both values
  access_refused = 4,       // reserved name, default exchange, internal exchange
  locked = 5,               // exclusive queue of another connection
  in_use = 6,               // if-unused refused, exclusive consumer present, consumer tag or id taken
  not_empty = 7,            // if-empty refused
  invalid_argument = 8,     // wrong type, negative, too long, not UTF-8, unknown kind
  unknown_delivery = 9,     // settle of a delivery tag that is not outstanding
  out_of_range = 10,        // offset below the start or above the end of a partition
  version_conflict = 11,    // append on an expected version: the partition's end is another
  limit_reached = 12,       // a limit of base/limits.h; the text names it and its value
  unroutable = 13,          // mandatory message that no binding took (carried by a return)
  rejected_by_queue = 14,   // overflow policy reject-publish
  wrong_state = 15,         // request that makes no sense now (commit without a transaction, …)
  fenced = 16,              // producer epoch or group generation is from the past
  unknown_member = 17,      // group member the coordinator does not know
  rebalance_in_progress = 18,
  illegal_generation = 19,
  inconsistent_protocol = 20,  // group members have no assignment protocol in common
  out_of_order_sequence = 21,  // idempotent producer: a gap in its sequence
  duplicate_sequence = 22,     // idempotent producer: seen before, original offset no longer known
  corrupt = 23,             // checksum or structure of the bytes that were sent is wrong
  too_large = 24,           // message, batch or frame over its limit
  resource_alarm = 25,      // disk or memory is short; publishers wait
  not_supported = 26,
  not_authorized = 27,      // login refused; the user's permissions or tags do not allow it
  unavailable = 28,         // broker is closing, or the connection to it is down (client side)
  timed_out = 29,           // client side: no answer in time; the outcome is unknown
  member_id_required = 30,  // first join without a member id: join again with the one in the reply
  concurrent_transactions = 31,
  unknown_producer = 32,
  invalid_transaction_state = 33,
  internal = 99,
};

/// The code's name as the CLI and the log lines print it, e.g. "not_found".
std::string_view name(ErrorCode code);

}  // namespace tandem
