// Facts to keep. The core decides by emitting records and changes its durable state only by applying them
// (apply.cpp); a restart applies the same records with the same function. A record with durable = false is
// applied but never written: a restart forgets it.
//
// Storage encodes them (broker/storage/record_codec, docs/disk_format.md) and keeps the checkpoint as records
// too: the newest record of each key (catalog, offsets) or the state records at the end of this file (queues,
// partitions).
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "broker/core/vocabulary.h"

namespace tandem::core {

// --- catalog
// ----------------------------------------------------------------------------------------------------------

struct ExchangeDeclared {
  ExchangeId id;
  std::string name;
  ExchangeKind kind = ExchangeKind::direct;
  bool durable = true, auto_delete = false, internal = false;
  Table arguments;
  friend bool operator==(const ExchangeDeclared&, const ExchangeDeclared&) = default;
};
struct ExchangeDeleted {
  ExchangeId id;
  bool durable = true;
  friend bool operator==(const ExchangeDeleted&, const ExchangeDeleted&) = default;
};

struct QueueDeclared {
  QueueId id;
  std::string name;
  bool durable = true, exclusive = false, auto_delete = false;
  ConnectionId owner;  // of an exclusive queue; exclusive queues are never durable records
  Table arguments;
  friend bool operator==(const QueueDeclared&, const QueueDeclared&) = default;
};
struct QueueDeleted {
  QueueId id;
  bool durable = true;
  friend bool operator==(const QueueDeleted&, const QueueDeleted&) = default;
};

struct Bound {
  BindingId id;
  ExchangeId source;
  DestinationKind destination_kind = DestinationKind::queue;
  std::uint32_t destination = 0;  // QueueId, ExchangeId or TopicId by kind
  std::string routing_key;
  Table arguments;
  bool durable = true;  // both ends are
  friend bool operator==(const Bound&, const Bound&) = default;
};
struct Unbound {
  BindingId id;
  bool durable = true;
  friend bool operator==(const Unbound&, const Unbound&) = default;
};

/// Newest wins per name.
struct PolicySet {
  std::string name, pattern;
  PolicyTarget target = PolicyTarget::all;
  std::int32_t priority = 0;
  Table definition;
  friend bool operator==(const PolicySet&, const PolicySet&) = default;
};
struct PolicyDeleted {
  std::string name;
  friend bool operator==(const PolicyDeleted&, const PolicyDeleted&) = default;
};

/// Newest wins per name.
struct UserDeclared {
  std::string name;
  PasswordKind password_kind = PasswordKind::none;
  std::string password_hash;
  std::vector<std::string> tags;
  bool permitted = true;    // false: it may not log in, whatever its permissions are
  Permissions permissions;
  friend bool operator==(const UserDeclared&, const UserDeclared&) = default;
};
struct UserDeleted {
  std::string name;
  friend bool operator==(const UserDeleted&, const UserDeleted&) = default;
};

struct TopicCreated {
  TopicId id;
  std::string name;
  std::uint64_t uuid_high = 0, uuid_low = 0;  // derived from id and creation time: stable, never 0
  std::int32_t partitions = 1;
  std::vector<std::pair<std::string, std::string>> config;
  TimestampMs created_at = 0;
  friend bool operator==(const TopicCreated&, const TopicCreated&) = default;
};
/// The whole new state of a topic's properties; replaces TopicCreated in the checkpoint under the same key.
struct TopicAltered {
  TopicCreated topic;
  friend bool operator==(const TopicAltered&, const TopicAltered&) = default;
};
struct TopicDeleted {
  TopicId id;
  friend bool operator==(const TopicDeleted&, const TopicDeleted&) = default;
};

// --- queue messages
// -----------------------------------------------------------------------------------------------------

/// One message into one queue; a publish to ten queues gives ten of these in one turn, sharing `entry.body`.
struct Enqueued {
  QueueId queue;
  QueueEntry entry;  // entry.durable: written to the journal
  bool reserved =
      false;  // may be delivered as soon as it is visible: after an unclean restart it counts as delivered
  friend bool operator==(const Enqueued&, const Enqueued&) = default;
};

enum class RemovalReason : std::uint8_t {
  acked,
  expired,
  dropped,
  dead_lettered,
  purged,
  rejected,
  delivery_limit /* only asks for a dead letter, never in a record */
};
/// Messages that left their queue for good.
struct Removed {
  QueueId queue;
  SeqRange seqs;  // may cover seqs that are already gone
  RemovalReason reason = RemovalReason::acked;
  bool durable = true;  // the queue is durable
  friend bool operator==(const Removed&, const Removed&) = default;
};
/// Deliveries of `count` messages that follow each other were handed back: keeps their delivery count across a restart.
struct Requeued {
  QueueId queue;
  QueueSeq first = 0;
  std::uint16_t count = 1;
  std::uint16_t deliveries = 0;  // of each
  bool durable = true;
  friend bool operator==(const Requeued&, const Requeued&) = default;
};
/// Messages up to `through` may be handed out from now on; after an unclean restart they count as delivered
/// once.
struct DeliveryReserved {
  QueueId queue;
  QueueSeq through = 0;
  bool durable = true;
  friend bool operator==(const DeliveryReserved&, const DeliveryReserved&) = default;
};

// --- topics
// -------------------------------------------------------------------------------------------------------------

enum class AppendedForm : std::uint8_t {
  batch,    // `body` is a record batch v2; storage patches base offset and leader epoch (outside the batch's
            // CRC)
  message,  // `body` is a stored message that came through an exchange; read as one topic record
            // (docs/kafka.md)
};
struct Appended {
  PartitionId partition;
  Offset base_offset = 0;
  std::int32_t record_count = 1;
  BodyHandle body;
  std::uint32_t size_bytes = 0;
  AppendedForm form = AppendedForm::batch;
  TimestampMs max_timestamp = 0;  // form message: its timestamp
  bool log_append_time = false;   // storage rewrites the batch's timestamps to max_timestamp
  std::string key;                // form message: record key where it is not the routing key; has_key says so
  bool has_key = false;
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = -1;
  bool transactional = false, control = false;
  friend bool operator==(const Appended&, const Appended&) = default;
};
struct Trimmed {
  PartitionId partition;
  Offset start = 0;
  friend bool operator==(const Trimmed&, const Trimmed&) = default;
};

/// A partition was compacted up to `through`: among the rest, what aborted transactions wrote there is gone, and readers need
/// not be told of them.
struct Compacted {
  PartitionId partition;
  Offset through = 0;
  std::uint64_t removed_bytes = 0;
  friend bool operator==(const Compacted&, const Compacted&) = default;
};

/// Producers without an open transaction whose newest batch in the partition lies below `before` were silent for a day: what
/// is remembered of them goes.
struct ProducersForgotten {
  PartitionId partition;
  Offset before = 0;
  friend bool operator==(const ProducersForgotten&, const ProducersForgotten&) = default;
};

// --- groups
// ---------------------------------------------------------------------------------------------------------------

/// Newest wins per (group, partition).
struct OffsetCommitted {
  std::string group;
  PartitionId partition;
  Offset offset = 0;
  std::int32_t leader_epoch = -1;
  std::string metadata;
  TimestampMs committed_at = 0;
  friend bool operator==(const OffsetCommitted&, const OffsetCommitted&) = default;
};
struct OffsetDeleted {
  std::string group;
  PartitionId partition;
  friend bool operator==(const OffsetDeleted&, const OffsetDeleted&) = default;
};
/// A generation begins, or it has lost its last member. Keeps generations growing across restarts.
struct GroupGeneration {
  std::string group;
  std::string protocol_type;
  std::int32_t generation = 0;
  friend bool operator==(const GroupGeneration&, const GroupGeneration&) = default;
};
/// How a member can divide the work, and what it says of itself for that.
struct MemberProtocol {
  std::string name, metadata;
  friend bool operator==(const MemberProtocol&, const MemberProtocol&) = default;
};
struct StableMember {
  std::string id, instance, client_id, client_host;
  DurationMs session_timeout = 0, rebalance_timeout = 0;
  std::vector<MemberProtocol> protocols;  // the member's order of preference
  std::string assignment;
  friend bool operator==(const StableMember&, const StableMember&) = default;
};
/// Every member has its assignment: with this they go on behind a restart as if there had been none. Holds until the group's next
/// GroupGeneration.
struct GroupStable {
  std::string group, protocol_name, leader;
  std::vector<StableMember> members;  // the most senior first
  friend bool operator==(const GroupStable&, const GroupStable&) = default;
};
struct GroupDeleted {
  std::string group;
  friend bool operator==(const GroupDeleted&, const GroupDeleted&) = default;
};

// --- producers and their transactions
// -----------------------------------------------------------------------------------------

enum class TransactionState : std::uint8_t {
  empty,
  ongoing,
  prepare_commit,
  prepare_abort,
  complete_commit,
  complete_abort
};
/// The whole state of one transactional id, or of a plain idempotent producer (transactional_id ""). Newest
/// wins. producer_id -1: the transactional id was idle for too long and is forgotten.
struct ProducerChanged {
  std::string transactional_id;
  std::int64_t producer_id = -1;
  std::int16_t epoch = 0;
  DurationMs timeout = 0;
  TransactionState state = TransactionState::empty;
  TimestampMs started_at = 0;
  std::vector<PartitionId> partitions;
  std::vector<std::string> groups;
  std::vector<OffsetCommitted> pending_offsets;
  friend bool operator==(const ProducerChanged&, const ProducerChanged&) = default;
};

// --- state records: written at a checkpoint only
// ---------------------------------------------------------------------------------

/// Where a queue stands; with its RunHomed records it is the whole queue.
struct QueueState {
  QueueId queue;
  QueueSeq next_seq = 1;
  QueueSeq head = 1;               // everything below is gone
  std::vector<SeqRange> gone;      // ranges at or above head that are gone, ascending
  QueueSeq delivered_through = 0;  // may have been delivered
  std::vector<std::pair<QueueSeq, std::uint16_t>>
      deliveries;                // counts that were raised by a requeue, ascending
  QueueSeq unclean_through = 0;  // an unclean restart found delivered_through here: homed messages up to it
                                 // count as delivered at least once
  friend bool operator==(const QueueState&, const QueueState&) = default;
};
/// A run of entries in the backlog store. Keyed by (queue, run).
struct RunHomed {
  QueueId queue;
  RunId run;
  std::uint8_t priority = 0;
  SeqRange seqs;
  std::uint32_t count = 0;
  std::uint64_t size_bytes = 0;    // of messages
  std::uint64_t position = 0;      // byte position in the backlog file; storage's own
  std::uint32_t extent_bytes = 0;  // allocated there; storage's own
  friend bool operator==(const RunHomed&, const RunHomed&) = default;
};
struct RunDropped {
  QueueId queue;
  RunId run;
  friend bool operator==(const RunDropped&, const RunDropped&) = default;
};

struct ProducerWindow {
  std::int64_t producer_id = -1;
  std::int16_t epoch = -1;
  struct Batch {
    std::int32_t first_sequence = 0, last_sequence = 0;
    Offset base_offset = 0;
    friend bool operator==(const Batch&, const Batch&) = default;
  };
  std::vector<Batch> batches;  // the last 5, oldest first
  Offset transaction_start = -1;
  TimestampMs last_used = 0;
  friend bool operator==(const ProducerWindow&, const ProducerWindow&) = default;
};
struct AbortedTransaction {
  std::int64_t producer_id = -1;
  Offset first = 0, last = 0;
  friend bool operator==(const AbortedTransaction&, const AbortedTransaction&) = default;
};
struct PartitionState {
  PartitionId partition;
  Offset start = 0, end = 0;
  std::uint64_t size_bytes = 0;
  TimestampMs max_timestamp = -1;
  std::vector<ProducerWindow> producers;
  std::vector<AbortedTransaction> aborted;
  friend bool operator==(const PartitionState&, const PartitionState&) = default;
};
/// Counters that must never go back: next ids.
struct Counters {
  std::uint32_t next_exchange = 1, next_queue = 1, next_binding = 1, next_topic = 1;
  std::int64_t next_producer = 1;
  TurnNumber turn = 0;
  friend bool operator==(const Counters&, const Counters&) = default;
};

using Record =
    std::variant<Enqueued, Removed, Appended, OffsetCommitted, DeliveryReserved, Requeued, ExchangeDeclared,
                 ExchangeDeleted, QueueDeclared, QueueDeleted, Bound, Unbound, TopicCreated, TopicAltered,
                 TopicDeleted, Trimmed, OffsetDeleted, GroupGeneration, GroupDeleted, ProducerChanged,
                 QueueState, RunHomed, RunDropped, PartitionState, Counters, PolicySet, PolicyDeleted,
                 Compacted, ProducersForgotten, UserDeclared, UserDeleted, GroupStable>;

/// Whether the journal keeps it.
bool is_durable(const Record& record);

}  // namespace tandem::core
