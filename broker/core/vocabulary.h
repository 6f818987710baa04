// The nouns that inputs, records and sends share. Read this, then input.h, record.h and send.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/base/ids.h"
#include "schemas/error_code.h"
#include "schemas/message.h"
#include "schemas/value.h"

namespace tandem::core {

/// Who asked, echoed in the answer. `request` is the face's own number and means nothing to the core.
struct Caller {
  ChannelId channel;
  std::uint64_t request = 0;
};

enum class ExchangeKind : std::uint8_t { direct, fanout, pattern /* "topic" on the wire */, headers,
                                         consistent_hash, delayed };

enum class ObjectKind : std::uint8_t { none, exchange, queue, binding, topic, partition, group, consumer, channel,
                                       message, producer, transaction, policy, user, connection };

/// Why a request was refused, in parts, so that each face can word it as its clients expect.
struct Refusal {
  ErrorCode code = ErrorCode::internal;
  ObjectKind object = ObjectKind::none;
  std::string name;      // of the object
  std::string argument;  // property or argument that is at fault, e.g. "durable", "x-expires"
  std::string received;  // inequivalent: what the request said, as text
  std::string current;   // inequivalent: what is there
  std::string detail;    // anything else that a person needs
};

/// One line for people; what the native face sends.
std::string to_text(const Refusal& refusal);

/// What a policy is for; `queues` is for those of both types.
enum class PolicyTarget : std::uint8_t { queues, exchanges, all, classic_queues, quorum_queues };

/// How a user's password is kept: 4 octets of salt, then the digest of salt and password; `none`: no password is right.
enum class PasswordKind : std::uint8_t { none, sha256, sha512 };

/// What a user may do with what bears a name: make, change and delete it; put messages into it; take messages out of it.
/// RabbitMQ's words (access.h says what each request needs).
enum class Permission : std::uint8_t { configure, write, read };
std::string_view name(Permission permission);

/// Those that a user has where somebody asks.
struct Allowed {
  bool configure = true, write = true, read = true;
  friend bool operator==(const Allowed&, const Allowed&) = default;
};

/// For each of them the pattern (base/name_pattern.h) that is to be found in a name.
struct Permissions {
  std::string configure = ".*", write = ".*", read = ".*";
  friend bool operator==(const Permissions&, const Permissions&) = default;
};

/// What a binding leads to.
enum class DestinationKind : std::uint8_t { queue, exchange, topic };

/// A message as a face hands it over: the stored bytes are with storage under `body`; the rest are views that live as
/// long as the call, and are what routing and queues look at.
struct MessageView {
  BodyHandle body;
  std::uint32_t size_bytes = 0;  // of the stored form (schemas/message.h)
  std::uint32_t body_size_bytes = 0;
  std::string_view exchange;
  std::string_view routing_key;
  PropertyGlance properties;     // headers are decoded by the core only where an exchange or queue needs them
};

/// Entry of a queue as storage and core exchange it.
struct QueueEntry {
  QueueSeq seq = 0;
  BodyHandle body;
  std::uint32_t size_bytes = 0;
  std::uint16_t deliveries = 0;    // how often it was handed out before
  std::uint8_t priority = 0;       // already clamped to the queue's x-max-priority
  bool durable = false;            // survives restart: persistent message in a durable queue
  TimestampMs expires_at = 0;      // 0 = never
  friend bool operator==(const QueueEntry&, const QueueEntry&) = default;
};

/// Seqs first..last of a queue, both included.
struct SeqRange {
  QueueSeq first = 0;
  QueueSeq last = 0;
  friend bool operator==(const SeqRange&, const SeqRange&) = default;
};

/// Facts of a record batch that the face took from its header (Kafka record batch v2) after checking its CRC.
struct BatchView {
  BodyHandle body;
  std::uint32_t size_bytes = 0;
  std::int32_t record_count = 0;     // last_offset_delta + 1
  TimestampMs max_timestamp = 0;
  TimestampMs first_timestamp = -1;  // of its first record (base timestamp); -1 = not told
  bool lacks_key = false;            // some record has no key; looked at only where BatchRules say so
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = -1;
  bool transactional = false;
  bool control = false;
};

}  // namespace tandem::core
