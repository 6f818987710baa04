// A queue's arguments (x-…), judged and made into options. Arguments that a queue here does not act on are
// kept for the comparison of redeclares.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "broker/base/limits.h"
#include "broker/core/vocabulary.h"

namespace tandem::core {

enum class Overflow : std::uint8_t { drop_head, reject_publish, reject_publish_dead_letter };

struct QueueOptions {
  std::optional<DurationMs> message_ttl;
  DurationMs expires_after = 0;  // unused for so long: deleted; 0 = never
  std::uint64_t length_max = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t size_max_bytes = std::numeric_limits<std::uint64_t>::max();  // of the stored forms
  Overflow overflow = Overflow::drop_head;
  std::uint8_t priority_max = 0;
  bool single_active_consumer = false;
  std::optional<std::uint16_t> delivery_limit;  // requeues; none = any number
  // a delivery that is not settled for so long goes back; 0 = never
  DurationMs consumer_timeout = limits::consumer_timeout_default_ms;
  // Type quorum: every message is kept on disk, and consumers are told how often a message was delivered.
  bool quorum = false;
  bool waiting_room = false;        // of a delayed exchange (delayed.h)
  bool has_dead_letter_exchange = false;
  std::string dead_letter_exchange, dead_letter_routing_key;

  bool bounded() const {
    return length_max != std::numeric_limits<std::uint64_t>::max() ||
           size_max_bytes != std::numeric_limits<std::uint64_t>::max();
  }
};

/// The value of x-queue-type.
inline constexpr std::string_view quorum_type = "quorum";

/// Longest time for a TTL, expiry or timeout, some 31,000 years: a moment that far away fits into a TimestampMs. AMQP's clients are
/// held to RabbitMQ's ten years by their face; here that would refuse what is stored already.
inline constexpr DurationMs duration_max_ms = 1'000'000'000'000'000;

/// Fills `options`. Refused with invalid_argument: wrong type, negative, too large, contradictory.
std::optional<Refusal> read_queue_options(std::string_view queue, const Table& arguments,
                                          QueueOptions& options);

/// Milliseconds as decimal text, as in the property `expiration`; nullopt when it is not that.
std::optional<DurationMs> read_expiration(std::string_view text);

/// The first argument that differs, as a refusal (inequivalent); nullopt when they are equal whatever their
/// order. Only arguments that mean something for such an object are looked at, as in RabbitMQ.
std::optional<Refusal> compare_arguments(ObjectKind object, std::string_view name, const Table& received,
                                         const Table& current);

}  // namespace tandem::core
