// Everything that can happen to the broker. Inputs go in one at a time through Broker::handle. Views and spans in an
// input need to live only as long as that call.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/core/vocabulary.h"

namespace tandem::core {

// --- connections and channels -------------------------------------------------------------------------------------

struct ConnectionOpened { ConnectionId connection; std::string_view user; std::string_view name; std::string_view face; };
/// Requeues what its channels hold, deletes its exclusive queues, cancels its consumers.
struct ConnectionClosed { ConnectionId connection; };
/// The peer does or does not take more bytes; while it does not, nothing is dispatched to it.
struct ConnectionWritable { ConnectionId connection; bool writable; };
/// Somebody wants another connection gone: it is told why and ended. Once there are users, an administrator's. Answer: Ok;
/// Refused: not_found, not_authorized.
struct CloseConnection { Caller who; ConnectionId connection; std::string_view reason; };
/// A channel exists from its first use; ChannelClosed requeues what it holds and cancels its consumers. What it was not
/// answered yet is never said. Answer: Ok when who.request is not 0; nothing of the old channel comes behind it.
struct ChannelClosed { Caller who; };

// --- exchanges, queues, bindings ------------------------------------------------------------------------------------

struct DeclareExchange {
  Caller who;
  std::string_view name;
  ExchangeKind kind = ExchangeKind::direct;
  bool passive = false, durable = true, auto_delete = false, internal = false;
  const Table* arguments = nullptr;
};
struct DeleteExchange { Caller who; std::string_view name; bool if_unused = false; };

struct DeclareQueue {
  Caller who;
  std::string_view name;  // empty = the server chooses (the face supplies `chosen_name`, since the core has no chance)
  std::string_view chosen_name;
  bool passive = false, durable = true, exclusive = false, auto_delete = false;
  const Table* arguments = nullptr;
  bool is_faces = false;  // the face's own means for something else that is asked: needs no permission
};
struct DeleteQueue { Caller who; std::string_view name; bool if_unused = false, if_empty = false; };
struct PurgeQueue { Caller who; std::string_view name; };

struct Bind {
  Caller who;
  std::string_view source;  // exchange
  DestinationKind destination_kind = DestinationKind::queue;
  std::string_view destination;
  std::string_view routing_key;
  const Table* arguments = nullptr;
};
struct Unbind {
  Caller who;
  std::string_view source;
  DestinationKind destination_kind = DestinationKind::queue;
  std::string_view destination;
  std::string_view routing_key;
  const Table* arguments = nullptr;
};

/// Arguments for every queue or exchange whose name the pattern (an ECMAScript regular expression) finds: those that
/// are there and those to come. Of several policies the one with the highest priority counts, then the first by name.
/// `definition`: arguments without their "x-". Replaces the policy of this name. Answer: Ok; Refused: invalid_argument.
struct SetPolicy {
  Caller who;
  std::string_view name, pattern;
  PolicyTarget target = PolicyTarget::all;
  std::int32_t priority = 0;
  const Table* definition = nullptr;
};
/// Answer: Ok; Refused: not_found.
struct DeletePolicy { Caller who; std::string_view name; };

// --- users -------------------------------------------------------------------------------------------------------------

/// Replaces the user of this name, with its permissions; whoever is logged in stays so. As long as there is no user every connection may do
/// everything; from the first one on, users and policies are an administrator's (user.h). Answer: Ok; Refused:
/// invalid_argument, limit_reached, not_authorized, wrong_state (no user would be an administrator).
struct DeclareUser {
  Caller who;
  std::string_view name;
  PasswordKind password_kind = PasswordKind::none;
  std::string_view password_hash;  // 4 octets of salt and the digest
  std::span<const std::string_view> tags;
  bool permitted = true;  // false: may not log in
  std::string_view configure = ".*", write = ".*", read = ".*";  // its permissions, from now on also of who is logged in
};
/// Changes what is said of a user and keeps the rest. Answer: as DeclareUser's; Refused also: not_found.
struct AlterUser {
  struct Password {
    PasswordKind kind = PasswordKind::none;
    std::string_view hash;
  };
  Caller who;
  std::string_view name;
  std::optional<Password> password{};
  std::optional<std::span<const std::string_view>> tags{};
  std::optional<bool> permitted{};
  std::optional<std::string_view> configure{}, write{}, read{};
};
/// Its connections are logged out. Answer: Ok; Refused: not_found, not_authorized, wrong_state (those
/// that are left would have no administrator).
struct DeleteUser { Caller who; std::string_view name; };

// --- messages ---------------------------------------------------------------------------------------------------------

/// A message to an exchange ("" = default exchange: routing key is a queue's name).
/// Answer: Confirmed when `confirm_seq` is not 0; Returned before it when mandatory and unroutable; Refused on error
/// (unknown or internal exchange).
struct Publish {
  Caller who;
  std::uint64_t confirm_seq = 0;  // counts up per channel; 0 = no confirm wanted
  bool mandatory = false;
  MessageView message;
};
/// Several publishes of a channel, in order, each answered as a Publish with its own `request` is; a Confirmed may cover
/// several. They share a turn: together on disk, or none of them. With `until_refused` those behind the first that is
/// refused are not looked at: its channel is over.
struct PublishMany {
  struct One {
    std::uint64_t request = 0;  // in place of who.request
    std::uint64_t confirm_seq = 0;
    bool mandatory = false;
    MessageView message;
  };
  Caller who;
  std::span<const One> messages;
  bool until_refused = false;
};

struct Subscribe {
  Caller who;
  std::uint64_t consumer = 0;  // the face's number, unique in the channel; echoed in Deliver
  std::string_view queue;
  bool no_ack = false, exclusive = false;
  std::uint32_t prefetch = 0;  // unsettled deliveries at most; 0 = no limit of its own
  std::int32_t priority = 0;
  const Table* arguments = nullptr;  // x-priority, x-consumer-timeout
  bool is_faces = false;  // as of DeclareQueue
  std::string_view tag{};  // what its client calls it, for listings; 255 bytes at most
};
struct Unsubscribe { Caller who; std::uint64_t consumer = 0; };
/// Limit of unsettled deliveries over all consumers of the channel; 0 = none.
struct SetChannelPrefetch { Caller who; std::uint32_t prefetch = 0; };
/// Consumer-level credit changed by the client; replaces its prefetch.
struct SetConsumerPrefetch { Caller who; std::uint64_t consumer = 0; std::uint32_t prefetch = 0; };

/// Whether a publish to this exchange would be taken, asked ahead of one that waits for its transaction. Answer: Ok, or
/// Refused as the publish would be (unknown or internal exchange, no permission).
struct CheckPublish { Caller who; std::string_view exchange; };

/// One message, like a consumer with one credit. Answer: GotMessage or GotNothing.
struct Get { Caller who; std::string_view queue; bool no_ack = false; };
/// Looks at up to `count` ready messages from `skip` on without taking them. Answer: Peeked.
struct Peek { Caller who; std::string_view queue; std::uint32_t skip = 0; std::uint32_t count = 1; };

enum class Outcome : std::uint8_t { ack, requeue, reject /* dead-letter or drop */ };
/// Settles the outstanding deliveries with tags first..last (both included). `multiple` as AMQP means it: all
/// outstanding ones up to `last` (0 = all); with `loosely`, `last` itself need not be outstanding. Without `multiple`
/// an unknown tag in the range is refused.
/// Answer: Ok when `confirm` (once it is on disk); Refused (unknown_delivery).
struct Settle {
  Caller who;
  DeliveryTag first = 0, last = 0;
  bool multiple = false;
  Outcome outcome = Outcome::ack;
  bool confirm = false;
  bool loosely = false;
};
/// Requeues all that the channel holds; they may come back to the same consumer. Left alone: deliveries up to
/// `claimed_through` and those `claimed` (ascending), which the client has settled in a transaction that is open.
struct Recover { Caller who; DeliveryTag claimed_through = 0; std::span<const DeliveryTag> claimed; };

/// Several operations that happen together or not at all, also across a crash. Nothing is done when one is refused;
/// the Refused says which (`operation`). Answer: Committed (with append offsets) once on disk.
struct SettleOp { ChannelId channel; DeliveryTag first = 0, last = 0; bool multiple = false; Outcome outcome = Outcome::ack; bool loosely = false; };
struct PublishOp { bool mandatory = false; MessageView message; };
struct AppendOp { std::string_view topic; PartitionIndex partition = 0; BatchView batch; Offset expected_end = -1; };
struct CommitOffsetOp { std::string_view group; std::string_view topic; PartitionIndex partition = 0; Offset offset = 0; std::string_view metadata; };
using TransactionOp = std::variant<SettleOp, PublishOp, AppendOp, CommitOffsetOp>;
struct Transaction { Caller who; std::span<const TransactionOp> operations; };

/// The rim read a message whose delay is over (see send.h, ReadDelayed), with its delay marked as done. Routes it from
/// its exchange and takes it out of the waiting room in one turn.
struct DelayedReady { std::uint32_t queue = 0; QueueSeq seq = 0; MessageView message; };
/// Drops one message that waits in a delayed exchange; Peek of the exchange's waiting room shows its seq. Answer: Ok
/// once on disk; Refused: not_found (no such exchange, or the message has gone on), invalid_argument (other kind).
struct CancelDelayed { Caller who; std::string_view exchange; QueueSeq seq = 0; };

/// The rim rewrote a message for its dead-letter exchange (see send.h, RewriteDeadLetter). Removes the original and
/// publishes the copy in one turn.
struct DeadLetterReady { std::uint32_t queue = 0; QueueSeq seq = 0; std::string_view exchange; MessageView message; };

// --- topics -----------------------------------------------------------------------------------------------------------

struct TopicConfigEntry { std::string_view key; std::string_view value; };
struct CreateTopic { Caller who; std::string_view name; std::int32_t partitions = 1; std::span<const TopicConfigEntry> config; bool validate_only = false; };
/// Raises the number of partitions (0 = leave), sets and removes config.
struct AlterTopic {
  Caller who;
  std::string_view name;
  std::int32_t partitions = 0;
  std::span<const TopicConfigEntry> set;
  std::span<const std::string_view> remove;
  bool validate_only = false;
};
struct DeleteTopic { Caller who; std::string_view name; };

/// Answer: Appended once on disk (all acks settings wait alike), or Refused.
/// expected_end ≥ 0: only if the partition ends there (optimistic concurrency). leader-epoch checks are the face's.
struct Append { Caller who; std::string_view topic; PartitionIndex partition = 0; BatchView batch; Offset expected_end = -1; bool wants_reply = true; };

enum class Isolation : std::uint8_t { read_uncommitted, read_committed };
/// With a uuid that is not 0 the topic is the one that has it, whatever its name; `topic` is not looked at.
struct FetchPartition { std::string_view topic; PartitionIndex partition = 0; Offset offset = 0; std::uint32_t size_max_bytes = 1 << 20; std::uint64_t uuid_high = 0, uuid_low = 0; };
/// Long poll. Answer: Fetched when min bytes are there, an error is found, or max_wait passed.
struct Fetch {
  Caller who;
  std::span<const FetchPartition> partitions;
  std::uint32_t size_min_bytes = 1, size_max_bytes = 50 << 20;
  DurationMs wait_max = 0;
  Isolation isolation = Isolation::read_uncommitted;
};
/// Answer: OffsetsListed. `at` ≥ 0 is a timestamp (answered by storage's index through TimestampFound).
enum class OffsetSpec : std::int64_t { latest = -1, earliest = -2, max_timestamp = -3 };
struct ListOffset { Caller who; std::string_view topic; PartitionIndex partition = 0; std::int64_t at = -1; Isolation isolation = Isolation::read_uncommitted; };
/// Deletes the records before `offset` (-1 = all that are visible).
struct TrimTopic { Caller who; std::string_view topic; PartitionIndex partition = 0; Offset offset = 0; };
/// Storage found (or freed) something of a partition: the new start after retention, in background time.
struct RetentionDue { PartitionId partition; Offset new_start = 0; };
/// Storage has compacted a partition up to `through`, durably, and is rid of so many bytes: nothing that an aborted
/// transaction wrote is left there. Said again at every start, with 0 bytes.
struct CompactionDone { PartitionId partition; Offset through = 0; std::uint64_t removed_bytes = 0; };

// --- idempotent and transactional producers -------------------------------------------------------------------------------

struct InitProducer { Caller who; std::string_view transactional_id; DurationMs timeout = 60000; std::int64_t producer_id = -1; std::int16_t epoch = -1; };
struct AddPartitionsToTransaction { Caller who; std::string_view transactional_id; std::int64_t producer_id = -1; std::int16_t epoch = -1; std::string_view topic; PartitionIndex partition = 0; };
struct AddOffsetsToTransaction { Caller who; std::string_view transactional_id; std::int64_t producer_id = -1; std::int16_t epoch = -1; std::string_view group; };
/// `marker_batches`: one control batch per partition of the transaction would need the rim; the core asks for them
/// with send.h WriteMarkers and gets them back as MarkersReady.
struct EndTransaction { Caller who; std::string_view transactional_id; std::int64_t producer_id = -1; std::int16_t epoch = -1; bool commit = true; };
struct MarkersReady { std::int64_t producer_id = -1; std::int16_t epoch = -1; bool commit = true; std::span<const BatchView> batches; };

// --- groups ---------------------------------------------------------------------------------------------------------------

struct OffsetCommitEntry { std::string_view topic; PartitionIndex partition = 0; Offset offset = 0; std::int32_t leader_epoch = -1; std::string_view metadata; };
/// generation -1 and member "" = a client that keeps no membership. Answer: OffsetsCommitted, per entry, once on disk.
struct CommitOffsets {
  Caller who;
  std::string_view group, member, instance;
  std::int32_t generation = -1;
  std::span<const OffsetCommitEntry> entries;
  std::int64_t producer_id = -1;  // ≥ 0: part of a producer's transaction, visible when it commits
  std::int16_t producer_epoch = -1;
};
struct FetchOffsetEntry { std::string_view topic; PartitionIndex partition = 0; };
/// No entries = all of the group. Answer: OffsetsFetched.
struct FetchOffsets { Caller who; std::string_view group; bool all = false; std::span<const FetchOffsetEntry> entries; bool require_stable = false; };
struct DeleteOffsets { Caller who; std::string_view group; std::span<const FetchOffsetEntry> entries; };

struct GroupProtocol { std::string_view name; Bytes metadata; };
struct JoinGroup {
  Caller who;
  std::string_view group, member /* "" = new */, instance /* "" = dynamic */, client_id, client_host, protocol_type;
  std::string_view chosen_member;  // id for a new member, from the face, since the core has no chance
  DurationMs session_timeout = 45000, rebalance_timeout = 60000;
  std::span<const GroupProtocol> protocols;
  bool require_member_id = false;  // answer a first join with member_id_required and the id
};
struct GroupAssignment { std::string_view member; Bytes assignment; };
struct SyncGroup {
  Caller who;
  std::string_view group, member, instance;
  std::int32_t generation = -1;
  std::string_view protocol_type, protocol_name;  // "" = not checked
  std::span<const GroupAssignment> assignments;
};
struct HeartbeatGroup { Caller who; std::string_view group, member, instance; std::int32_t generation = -1; };
struct GroupLeaver { std::string_view member, instance; };
struct LeaveGroup { Caller who; std::string_view group; std::span<const GroupLeaver> leavers; };
struct DeleteGroup { Caller who; std::string_view group; };

// --- looking at things ------------------------------------------------------------------------------------------------------

enum class Subject : std::uint8_t { exchanges, queues, bindings, topics, groups, connections, consumers, broker, policies,
                                    producers /* that a topic's partitions remember */, transactions, users };
/// name "" = all: of a topic for producers, a transactional id for transactions. Answer: Described.
/// A listing of all queues or bindings can be had in pieces: `rows_max` in the order they were made, those after the id `after`.
struct Describe { Caller who; Subject subject = Subject::broker; std::string_view name; std::uint32_t after = 0, rows_max = 0 /* all, by name */; };

// --- the rim reports ----------------------------------------------------------------------------------------------------------

/// Every turn up to `turn` is on disk.
struct Persisted { TurnNumber turn = 0; };
/// Time passed; due work (expiry, group timeouts, long polls, delayed messages) is done.
struct Tick {};
/// A run that send.h LoadRun asked for.
struct RunLoaded { QueueId queue; RunId run; std::span<const QueueEntry> entries; };
struct RunUnreadable { QueueId queue; RunId run; std::string_view why; };
/// A checkpoint starts: answer is one CheckpointState (send.h), at once.
struct CheckpointBegun { bool is_last = false; /* the broker stops in order: its counts are to be exact */ };
/// A run that a checkpoint has written.
struct RunStored {
  QueueId queue;
  RunId run;
  std::uint8_t priority = 0;
  QueueSeq first = 0, last = 0;          // seqs covered
  std::uint32_t count = 0;               // entries in it
  std::uint64_t size_bytes = 0;          // of their messages
  std::span<const std::pair<QueueSeq, BodyHandle>> moved;  // where each entry's bytes are now, ascending
};
/// Its LMDB transaction is on disk, and these of its survivors are home: by queue. In as many of these as the rim likes, all of them before the next
/// checkpoint begins; those of which it was not told are where they were.
struct CheckpointDone { std::span<const RunStored> runs; bool is_last = true; /* of them */ };
/// Disk or memory is short (on) or no longer (off): publishers wait or are refused, consumption goes on.
enum class Resource : std::uint8_t { disk, memory };
struct ResourceAlarm { Resource resource = Resource::disk; bool on = false; };

using Input = std::variant<
    ConnectionOpened, ConnectionClosed, ConnectionWritable, CloseConnection, ChannelClosed, DeclareExchange, DeleteExchange,
    DeclareQueue, DeleteQueue, PurgeQueue, Bind, Unbind, SetPolicy, DeletePolicy, DeclareUser, AlterUser, DeleteUser, Publish,
    PublishMany, CheckPublish, Subscribe, Unsubscribe,
    SetChannelPrefetch, SetConsumerPrefetch, Get, Peek, Settle, Recover, Transaction, DeadLetterReady, DelayedReady,
    CancelDelayed, CreateTopic, AlterTopic,
    DeleteTopic, Append, Fetch, ListOffset, TrimTopic, RetentionDue, CompactionDone, InitProducer, AddPartitionsToTransaction,
    AddOffsetsToTransaction, EndTransaction, MarkersReady, CommitOffsets, FetchOffsets, DeleteOffsets, JoinGroup,
    SyncGroup, HeartbeatGroup, LeaveGroup, DeleteGroup, Describe, Persisted, Tick, RunLoaded, RunUnreadable,
    CheckpointBegun, CheckpointDone, ResourceAlarm>;

}  // namespace tandem::core
