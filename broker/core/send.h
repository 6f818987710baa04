// Things to say: answers and deliveries to connections, and requests to the rim. A send that depends on a record
// leaves Broker::handle only after Persisted has covered the record's turn.
// Sends own their strings: they may wait in the core (pending) and in the rim.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "broker/base/shared_items.h"
#include "broker/core/input.h"
#include "broker/core/record.h"
#include "broker/core/unsettled.h"

namespace tandem::core {

// --- answers --------------------------------------------------------------------------------------------------------------

struct Ok { Caller who; };
struct Refused { Caller who; Refusal refusal; std::int32_t operation = -1 /* of a transaction */; };
struct QueueOk { Caller who; std::string name; std::uint64_t ready = 0; std::uint32_t consumers = 0; };  // declare, delete, purge: `ready` = messages (deleted, purged)
struct Committed { Caller who; std::vector<Offset> append_offsets; };  // of a Transaction, in its order

// --- messages -------------------------------------------------------------------------------------------------------------

/// Publishes with confirm_seq first..last (both included) of a channel are done (or, nack, were refused by a queue's
/// overflow policy or a resource alarm).
struct Confirmed { ChannelId channel; std::uint64_t first = 0, last = 0; bool nack = false; };
/// A mandatory message that no queue took. Comes before its Confirmed.
struct Returned { ChannelId channel; std::uint64_t confirm_seq = 0; BodyHandle body; std::uint32_t size_bytes = 0; };
struct Deliver {
  ChannelId channel;
  std::uint64_t consumer = 0;
  DeliveryTag tag = 0;
  BodyHandle body;
  std::uint32_t size_bytes = 0;
  std::uint16_t deliveries = 0;  // before this one; > 0 means redelivered
  QueueId queue;
  QueueSeq seq = 0;
  bool tells_count = false;  // the queue's type wants consumers to be told of `deliveries` (quorum)
};
struct GotMessage { Caller who; DeliveryTag tag = 0; BodyHandle body; std::uint32_t size_bytes = 0; std::uint16_t deliveries = 0; std::uint64_t ready = 0; bool tells_count = false; };
struct GotNothing { Caller who; };
struct Peeked { Caller who; std::vector<QueueEntry> entries; };
/// The queue is gone or the consumer was replaced; nothing more comes for it.
struct ConsumerCancelled { ChannelId channel; std::uint64_t consumer = 0; };

// --- topics ---------------------------------------------------------------------------------------------------------------

struct TopicOk { Caller who; TopicCreated topic; };
struct AppendedOk { Caller who; Offset base_offset = 0; TimestampMs append_time = -1; Offset start = 0; bool duplicate = false; };
/// What a fetch may read: the rim takes the bytes of [offset, visible_end) from storage, size_max_bytes at most but one
/// whole batch at least. Only whole batches; the first may begin below `offset`.
struct FetchedPartition {
  PartitionId partition;
  std::string topic;
  ErrorCode error = ErrorCode::none;
  Offset offset = 0;
  Offset start = 0, visible_end = 0 /* what this isolation level may read */, high_watermark = 0, last_stable = 0;
  std::uint32_t size_max_bytes = 0;
  std::vector<AbortedTransaction> aborted;
};
struct Fetched { Caller who; std::uint32_t size_max_bytes = 0; std::vector<FetchedPartition> partitions; };
/// `lookup` ≥ 0: the rim finds the first offset with timestamp ≥ lookup in [start, end) and answers; else `offset`.
struct OffsetListed { Caller who; PartitionId partition; Offset offset = -1; TimestampMs timestamp = -1; TimestampMs lookup = -1; bool want_max_timestamp = false; Offset start = 0, end = 0; };
struct TrimmedOk { Caller who; Offset start = 0; };

struct ProducerOk { Caller who; std::int64_t producer_id = -1; std::int16_t epoch = -1; };

// --- groups ---------------------------------------------------------------------------------------------------------------

struct OffsetsCommittedOk { Caller who; std::vector<ErrorCode> errors; };  // one per entry asked
struct FetchedOffset { std::string topic; PartitionIndex partition = 0; Offset offset = -1; std::int32_t leader_epoch = -1; std::string metadata; ErrorCode error = ErrorCode::none; };
struct OffsetsFetched { Caller who; std::vector<FetchedOffset> offsets; };
struct OffsetsDeletedOk { Caller who; std::vector<ErrorCode> errors; };
struct GroupMember { std::string member, instance, client_id, client_host; std::string metadata, assignment; };
/// error none: joined; `members` only for the leader. member_id_required: join again as `member`.
struct Joined { Caller who; ErrorCode error = ErrorCode::none; std::int32_t generation = -1; std::string protocol_type, protocol_name, leader, member; std::vector<GroupMember> members; };
struct Synced { Caller who; ErrorCode error = ErrorCode::none; std::string protocol_type, protocol_name, assignment; };
struct GroupHeartbeatOk { Caller who; ErrorCode error = ErrorCode::none; };
struct GroupLeft { Caller who; ErrorCode error = ErrorCode::none; std::vector<ErrorCode> errors; };

// --- Described --------------------------------------------------------------------------------------------------------------

struct ExchangeInfo { ExchangeDeclared exchange; std::uint64_t published = 0; std::string policy; };
struct QueueInfo {
  QueueDeclared queue;
  std::uint64_t ready = 0, unsettled = 0, size_bytes = 0;
  std::uint32_t consumers = 0;
  std::uint64_t accepted = 0, acked = 0, expired = 0, dropped = 0, dead_lettered = 0, purged = 0, redelivered = 0;
  std::uint64_t resident = 0;  // entries held in RAM
  std::string policy;          // that applies to it; "" = none
};
struct BindingInfo { std::string source; DestinationKind destination_kind = DestinationKind::queue; std::string destination, routing_key; Table arguments; bool durable = true; };
struct PartitionInfo { PartitionIndex index = 0; Offset start = 0, end = 0, visible_end = 0, last_stable = 0; std::uint64_t size_bytes = 0; };
struct TopicInfo { TopicCreated topic; std::vector<PartitionInfo> partitions; };
struct GroupOffsetInfo { std::string topic; PartitionIndex partition = 0; Offset committed = -1, end = 0; std::string metadata; TimestampMs committed_at = 0; };
struct GroupInfo {
  std::string name, state /* Empty, PreparingRebalance, CompletingRebalance, Stable, Dead */, protocol_type, protocol_name, leader;
  std::int32_t generation = 0;
  std::vector<GroupMember> members;
  std::vector<GroupOffsetInfo> offsets;
};
struct ConnectionInfo { ConnectionId connection; std::string name, user, face; std::uint32_t channels = 0, consumers = 0; std::uint64_t unsettled = 0; bool writable = true; };
struct ConsumerInfo { ChannelId channel; std::uint64_t consumer = 0; std::string queue; std::uint32_t prefetch = 0; std::uint64_t unsettled = 0; bool no_ack = false, exclusive = false, active = true; std::int32_t priority = 0; std::string tag{}; };
struct BrokerInfo {
  std::uint64_t exchanges = 0, queues = 0, bindings = 0, topics = 0, partitions = 0, groups = 0, connections = 0, consumers = 0;
  std::uint64_t ready = 0, unsettled = 0;
  std::uint64_t published = 0, delivered = 0, acked = 0, appended_batches = 0, appended_records = 0;
  TurnNumber turn = 0, persisted = 0;
  bool disk_alarm = false, memory_alarm = false;
};
struct ProducerInfo { std::string topic; PartitionIndex partition = 0; ProducerWindow window; };
/// A transactional id and where it stands; `partitions` are those of its transaction, by name.
struct TransactionInfo { ProducerChanged producer; std::vector<std::pair<std::string, PartitionIndex>> partitions; };
struct Described {
  Caller who;
  Subject subject = Subject::broker;
  std::uint32_t next_after = 0;  // where to go on; 0: nothing is left
  std::vector<ExchangeInfo> exchanges;
  std::vector<QueueInfo> queues;
  std::vector<BindingInfo> bindings;
  std::vector<TopicInfo> topics;
  std::vector<GroupInfo> groups;
  std::vector<ConnectionInfo> connections;
  std::vector<ConsumerInfo> consumers;
  BrokerInfo broker;
  std::vector<PolicySet> policies;  // by name
  std::vector<ProducerInfo> producers;
  std::vector<TransactionInfo> transactions;
  std::vector<UserDeclared> users;  // by name
};

// --- requests to the rim ------------------------------------------------------------------------------------------------------

/// Read a run's entries from the backlog; answer: RunLoaded or RunUnreadable. One outstanding per queue and priority.
struct LoadRun { QueueId queue; RunId run; std::string queue_name; };
/// No entry of the run is alive; storage forgets it at the next checkpoint and frees its extent after that.
struct DropRun { QueueId queue; RunId run; };
/// Rewrite a message for its dead-letter exchange (x-death and friends); answer: DeadLetterReady.
struct RewriteDeadLetter {
  QueueId queue;
  QueueSeq seq = 0;
  BodyHandle body;
  std::uint32_t size_bytes = 0;
  RemovalReason reason = RemovalReason::rejected;
  std::string queue_name, exchange, routing_key;  // routing_key "" = keep the message's own
  TimestampMs now = 0;
};
/// Read a message whose delay is over and mark its delay as done; answer: DelayedReady.
struct ReadDelayed { QueueId queue; QueueSeq seq = 0; BodyHandle body; std::uint32_t size_bytes = 0; };
/// Write a commit or abort marker to each partition of a producer's transaction; answer: MarkersReady.
struct WriteMarkers { std::int64_t producer_id = -1; std::int16_t epoch = -1; bool commit = true; std::vector<PartitionId> partitions; TimestampMs now = 0; };
/// Partition or topic is gone: storage drops its segments once a checkpoint has forgotten it.
struct DropTopic { TopicId topic; };
/// A publisher's connection must not be read for now (flow) or may be again.
struct HoldPublishers { bool hold = false; Resource resource = Resource::disk; };

/// Its user is gone, or somebody wants it gone: it is told why and ended.
struct LogOut { ConnectionId connection; std::string reason; };

/// A message that is in no lane: it was handed out, or is on its way to another queue.
struct Taken {
  QueueId queue;
  QueueEntry entry;
};
/// Of one priority of a queue, with their bodies in the journal, ascending.
struct Survivors {
  QueueId queue;
  std::uint8_t priority = 0;
  std::vector<QueueEntry> entries;
  std::vector<LentItems<QueueEntry>> lent{};  // of a long lane (Lane::is_long()), with some whose bodies are home
};
/// The core's part of a checkpoint: state records of all that changed since the last one, and what has to move home. Messages are lent as
/// they lie in the core, since a look at each of 100,000 takes longer than the loop's thread has.
struct CheckpointState {
  TurnNumber turn = 0;
  std::vector<Record> states;
  std::vector<Survivors> survivors;  // ascending by queue and priority
  std::vector<Taken> leaving;
  std::vector<LentItems<Unsettled>> unsettled;  // with some whose bodies are home or whose queue is gone
  std::vector<QueueId> queues;                  // those that are there and have something unsettled, ascending

  /// Puts all of it into `survivors`, in their entries. On any thread; before the checkpoint is done, and before they are looked at.
  void gather();
};

/// Large, and seldom beside the deliveries that wait by the hundred thousand: it lies apart, so that they take 88 bytes each and
/// not 448. A copy has its own.
template <class T>
class Apart {
 public:
  Apart(T value) : value_(std::make_unique<T>(std::move(value))) {}
  Apart(const Apart& other) : Apart(*other.value_) {}
  Apart(Apart&&) noexcept = default;
  Apart& operator=(const Apart& other) { return *this = Apart(other); }
  Apart& operator=(Apart&&) noexcept = default;
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }

 private:
  std::unique_ptr<T> value_;  // empty only when it was moved away
};

/// Looked into with the functions below, which see through Apart.
using Send = std::variant<
    Deliver, Confirmed, Ok, Apart<Refused>, AppendedOk, Fetched, QueueOk, Committed, Returned, GotMessage, GotNothing, Peeked,
    ConsumerCancelled, Apart<TopicOk>, OffsetListed, TrimmedOk, ProducerOk, OffsetsCommittedOk, OffsetsFetched,
    OffsetsDeletedOk, Apart<Joined>, Apart<Synced>, GroupHeartbeatOk, GroupLeft, Apart<Described>, LoadRun, DropRun,
    Apart<RewriteDeadLetter>, ReadDelayed, WriteMarkers, DropTopic, HoldPublishers, LogOut, Apart<CheckpointState>>;
static_assert(sizeof(Send) <= 88);

namespace detail {
template <class T, class Variant>
constexpr bool is_alternative = false;
template <class T, class... Ts>
constexpr bool is_alternative<T, std::variant<Ts...>> = (std::is_same_v<T, Ts> || ...);

template <class T>
T& seen_through(T& send) {
  return send;
}
template <class T>
T& seen_through(Apart<T>& send) {
  return *send;
}
template <class T>
const T& seen_through(const Apart<T>& send) {
  return *send;
}
}  // namespace detail

template <class T>
const T* get_if(const Send* send) {
  if constexpr (detail::is_alternative<T, Send>) {
    return std::get_if<T>(send);
  } else {
    const auto* apart = std::get_if<Apart<T>>(send);
    return apart ? &**apart : nullptr;
  }
}
template <class T>
T* get_if(Send* send) {
  return const_cast<T*>(get_if<T>(static_cast<const Send*>(send)));
}
template <class T>
bool holds_alternative(const Send& send) {
  return get_if<T>(&send) != nullptr;
}
template <class Visitor>
decltype(auto) visit(Visitor&& visitor, const Send& send) {
  return std::visit([&](const auto& one) -> decltype(auto) { return visitor(detail::seen_through(one)); }, send);
}
template <class Visitor>
decltype(auto) visit(Visitor&& visitor, Send& send) {
  return std::visit([&](auto& one) -> decltype(auto) { return visitor(detail::seen_through(one)); }, send);
}

/// The connection a send goes to; 0 for a request to the rim.
ConnectionId recipient(const Send& send);

}  // namespace tandem::core
