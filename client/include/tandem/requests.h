// Everything that can be asked of the broker with Client::ask(). Each request names its Answer. Names are at
// most 255 bytes (topics 249). A request marked "repeatable" is sent again when the connection breaks under
// it; another one then fails with unavailable, and whether it happened is not known.
//
// `remember`: the client declares it again after every reconnect (transient and exclusive things are gone by
// then), until it is deleted through the same client.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/error_code.h"
#include "schemas/message.h"
#include "schemas/value.h"
#include "tandem/completion.h"

namespace tandem {

/// Milliseconds since 1970; -1 = none.
using TimestampMs = std::int64_t;
using Offset = std::int64_t;

// --- exchanges, queues, bindings (repeatable, except deletes and purge)
// -------------------------------------------------

/// kind: direct, fanout, topic, headers, x-consistent-hash, x-delayed-message. Declaring what is there with
/// the same properties is fine. Errors: inequivalent, access_refused (default exchange, "amq." names),
/// invalid_argument, limit_reached; not_found when passive.
struct DeclareExchange {
  using Answer = Done;
  std::string name{};
  std::string kind = "direct";
  bool passive = false;  // only look whether it is there
  bool durable = true, auto_delete = false, internal = false;
  Table arguments{};
  bool remember = false;
};
/// Errors: in_use (if_unused). Deleting what is not there is fine.
struct DeleteExchange {
  using Answer = Done;
  std::string name{};
  bool if_unused = false;
};

struct QueueStatus {
  std::string name{};
  std::uint64_t ready = 0;  // of declare: messages that wait; of delete and purge: messages that were dropped
  std::uint32_t consumers = 0;
};
/// name "": the broker chooses one and answers it. Errors: inequivalent, locked (exclusive to another
/// connection), access_refused, invalid_argument, limit_reached; not_found when passive.
struct DeclareQueue {
  using Answer = QueueStatus;
  std::string name{};
  bool passive = false;
  bool durable = true, exclusive = false, auto_delete = false;
  Table arguments{};
  bool remember = false;  // needs a name
};
/// Errors: in_use (if_unused), not_empty (if_empty), locked. Deleting what is not there is fine.
struct DeleteQueue {
  using Answer = QueueStatus;
  std::string name{};
  bool if_unused = false, if_empty = false;
};
/// Drops the messages that wait, not the unsettled ones. Errors: not_found, locked.
struct PurgeQueue {
  using Answer = QueueStatus;
  std::string name{};
};

enum class Destination : std::uint8_t { queue, exchange, topic };

/// Errors: not_found, access_refused (default exchange), invalid_argument, limit_reached.
struct Bind {
  using Answer = Done;
  std::string source{};  // exchange
  Destination destination_kind = Destination::queue;
  std::string destination{};
  std::string routing_key{};
  Table arguments{};
  bool remember = false;
};
struct Unbind {
  using Answer = Done;
  std::string source{};
  Destination destination_kind = Destination::queue;
  std::string destination{};
  std::string routing_key{};
  Table arguments{};
};

/// `queues` is for those of both types.
enum class PolicyTarget : std::uint8_t { queues, exchanges, all, classic_queues, quorum_queues };

/// Arguments for every queue or exchange whose name `pattern` (an ECMAScript regular expression) finds, those that
/// are there too: message-ttl, expires, max-length, max-length-bytes, overflow, dead-letter-exchange,
/// dead-letter-routing-key, delivery-limit, consumer-timeout, alternate-exchange. The policy with the highest
/// priority counts; an argument of the queue itself goes before it, of two limits the lower one. Replaces the policy
/// of this name. Repeatable. Errors: invalid_argument, limit_reached.
struct SetPolicy {
  using Answer = Done;
  std::string name{}, pattern{};
  PolicyTarget target = PolicyTarget::all;
  std::int32_t priority = 0;
  Table definition{};
};
/// Errors: not_found.
struct DeletePolicy {
  using Answer = Done;
  std::string name{};
};
/// How a password is kept: 4 octets of salt, then the digest of salt and password (RabbitMQ's form). none: no
/// password is right.
enum class PasswordKind : std::uint8_t { none, sha256, sha512 };

struct UserInfo {
  std::string name{};
  PasswordKind password_kind = PasswordKind::none;
  std::string password_hash{};
  std::vector<std::string> tags{};  // administrator: may change users and policies; policymaker: policies
  bool permitted = true;            // false: it may not log in
  /// Regular expressions of RE2, 1,024 bytes at most, each to be found in the name of what the user configures (declares,
  /// changes, deletes), writes to or reads from: exchanges, queues, topics, groups, transactional ids. "" finds nothing.
  std::string configure = ".*", write = ".*", read = ".*";
};
/// Replaces the user of this name, its permissions too. Repeatable. Errors: invalid_argument (also a pattern that is none), limit_reached, not_authorized (an administrator is
/// wanted as soon as there are users), wrong_state (no user would be an administrator).
struct DeclareUser {
  using Answer = Done;
  UserInfo user{};
  std::string password{};  // goes before user.password_hash; it travels as it is
};
/// Changes what is said of a user and keeps the rest. Errors: as DeclareUser's, and not_found.
struct AlterUser {
  using Answer = Done;
  std::string name{};
  std::optional<std::string> password{};  // "": no password is right; it travels as it is
  std::optional<std::vector<std::string>> tags{};
  std::optional<bool> permitted{};
  std::optional<std::string> configure{}, write{}, read{};
};
/// Logs its connections out. Errors: not_found, not_authorized, wrong_state.
struct DeleteUser {
  using Answer = Done;
  std::string name{};
};
/// Ends another connection; its peer is told `reason` (255 bytes at most). Errors: not_found, not_authorized,
/// invalid_argument.
struct CloseConnection {
  using Answer = Done;
  std::uint64_t id = 0;  // as DescribeConnections tells it
  std::string reason{};
};
/// Drops one message that waits in a delayed exchange. `queue_seq` is what Peek of the queue
/// "amq.delayed." + exchange shows. Errors: not_found (it has gone on), invalid_argument (another kind of exchange).
struct CancelDelayed {
  using Answer = Done;
  std::string exchange{};
  std::uint64_t queue_seq = 0;
};

// --- looking into a queue
// ----------------------------------------------------------------------------------------------

/// A message of the answer to Peek; views into `owner`.
struct PeekedMessage {
  std::uint64_t queue_seq = 0;
  std::uint16_t earlier_deliveries = 0;
  std::uint8_t priority = 0;
  MessageParts message{};
  std::shared_ptr<const void> owner{};
};
/// Looks at up to `count` waiting messages behind the first `skip`, without taking them. Repeatable. Errors:
/// not_found.
struct Peek {
  using Answer = std::vector<PeekedMessage>;
  std::string queue{};
  std::uint32_t skip = 0;
  std::uint32_t count = 1;
};

// --- topics
// -----------------------------------------------------------------------------------------------------------------

using Config = std::vector<std::pair<std::string, std::string>>;

struct TopicStatus {
  std::string name{};
  std::int32_t partitions = 0;
  std::uint64_t uuid_high = 0, uuid_low = 0;
};
/// Errors: already_exists, invalid_argument (name, config), limit_reached.
struct CreateTopic {
  using Answer = TopicStatus;
  std::string name{};
  std::int32_t partitions = 1;
  Config config{};             // Kafka's keys: retention.ms, retention.bytes, segment.bytes, …
  bool validate_only = false;  // only judge it
};
/// partitions 0 = leave; they can only grow. Errors: not_found, invalid_argument.
struct AlterTopic {
  using Answer = TopicStatus;
  std::string name{};
  std::int32_t partitions = 0;
  Config set{};
  std::vector<std::string> remove{};
  bool validate_only = false;
};
struct DeleteTopic {
  using Answer = Done;
  std::string name{};
};

/// A partition's place and time. An offset that no record has (nothing that late): -1.
struct ListedOffset {
  Offset offset = -1;
  TimestampMs timestamp = -1;
};
inline constexpr std::int64_t latest = -1;         // the end: behind the last visible record
inline constexpr std::int64_t earliest = -2;       // the first record that is kept
inline constexpr std::int64_t max_timestamp = -3;  // the record with the highest timestamp
/// The offset at a place, or (at ≥ 0, milliseconds since 1970) of the first record that is not older.
/// Repeatable.
struct ListOffset {
  using Answer = ListedOffset;
  std::string topic{};
  std::int32_t partition = 0;
  std::int64_t at = latest;
};
/// Deletes the records before `offset` (-1 = all that are visible); answers the new start. Repeatable.
/// Errors: not_found, out_of_range.
struct TrimTopic {
  using Answer = Offset;
  std::string topic{};
  std::int32_t partition = 0;
  Offset offset = -1;
};

// --- offsets of groups (all repeatable)
// -----------------------------------------------------------------------------------------

struct TopicPartition {
  std::string topic{};
  std::int32_t partition = 0;
  friend bool operator==(const TopicPartition&, const TopicPartition&) = default;
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};
struct GroupOffset {
  std::string topic{};
  std::int32_t partition = 0;
  Offset offset = -1;  // the next record to read; below 0 in an answer: nothing committed
  std::string metadata{};
  ErrorCode error = ErrorCode::none;  // answers only
};
/// Answers one code per entry, once on disk. member "" and generation -1: outside of a membership, allowed
/// while the group has no members. Errors: as codes; fenced, unknown_member, illegal_generation for all of
/// it.
struct CommitOffsets {
  using Answer = std::vector<ErrorCode>;
  std::string group{}, member{};
  std::int32_t generation = -1;
  std::vector<GroupOffset> offsets{};
};
struct FetchOffsets {
  using Answer = std::vector<GroupOffset>;
  std::string group{};
  bool all = true;  // everything the group has committed; false: only `partitions`
  std::vector<TopicPartition> partitions{};
};
struct DeleteOffsets {
  using Answer = std::vector<ErrorCode>;
  std::string group{};
  std::vector<TopicPartition> partitions{};
};
/// Errors: not_found, not_empty (it has members).
struct DeleteGroup {
  using Answer = Done;
  std::string group{};
};

// --- describing (all repeatable; name "" = all)
// -------------------------------------------------------------------------------------

struct ExchangeInfo {
  std::string name{}, kind{};
  bool durable = true, auto_delete = false, internal = false;
  Table arguments{};
  std::uint64_t published = 0;  // messages since the broker started
  std::string policy{};         // that applies to it; "" = none
};
struct DescribeExchanges {
  using Answer = std::vector<ExchangeInfo>;
  std::string name{};
};

struct QueueInfo {
  std::string name{};
  bool durable = true, exclusive = false, auto_delete = false;
  Table arguments{};
  std::uint64_t ready = 0, unsettled = 0;  // messages
  std::uint64_t size_bytes = 0;
  std::uint32_t consumers = 0;
  std::uint64_t accepted = 0, acked = 0, expired = 0, dropped = 0, dead_lettered = 0, purged = 0,
                redelivered = 0;
  std::uint64_t resident = 0;  // entries in the broker's RAM
  std::string policy{};        // that applies to it; "" = none
};
struct DescribeQueues {
  using Answer = std::vector<QueueInfo>;
  std::string name{};
};

struct DescribePolicies {
  using Answer = std::vector<SetPolicy>;
  std::string name{};
};

/// Errors: not_authorized (an administrator is wanted as soon as there are users).
struct DescribeUsers {
  using Answer = std::vector<UserInfo>;
  std::string name{};
};

struct BindingInfo {
  std::string source{};
  Destination destination_kind = Destination::queue;
  std::string destination{}, routing_key{};
  Table arguments{};
  bool durable = true;
};
struct DescribeBindings {
  using Answer = std::vector<BindingInfo>;
  std::string name{};  // of the source or destination
};

struct PartitionInfo {
  std::int32_t partition = 0;
  Offset start = 0, end = 0;                // first kept record; behind the last one
  Offset visible_end = 0, last_stable = 0;  // behind what may be read; behind what read_committed may read
  std::uint64_t size_bytes = 0;
};
struct TopicInfo {
  std::string name{};
  std::uint64_t uuid_high = 0, uuid_low = 0;
  Config config{};
  TimestampMs created_at = 0;
  std::vector<PartitionInfo> partitions{};
};
struct DescribeTopics {
  using Answer = std::vector<TopicInfo>;
  std::string name{};
};

struct GroupMemberInfo {
  std::string member{}, instance{}, client_id{}, client_host{};
  std::string metadata{}, assignment{};  // bytes of the assignment protocol
};
struct GroupOffsetInfo {
  std::string topic{};
  std::int32_t partition = 0;
  Offset committed = -1, end = 0;  // lag = end - committed; below 0: nothing committed
  std::string metadata{};
  TimestampMs committed_at = 0;
};
struct GroupInfo {
  std::string name{}, state{}, protocol_type{}, protocol_name{}, leader{};
  std::int32_t generation = 0;
  std::vector<GroupMemberInfo> members{};
  std::vector<GroupOffsetInfo> offsets{};
};
struct DescribeGroups {
  using Answer = std::vector<GroupInfo>;
  std::string name{};
};

struct ConnectionInfo {
  std::uint64_t id = 0;
  std::string name{}, user{}, face{};  // face: native, amqp, kafka
  std::uint32_t channels = 0, consumers = 0;
  std::uint64_t unsettled = 0;
  bool writable = true;  // false: it reads too slowly, nothing is delivered to it for now
};
struct DescribeConnections {
  using Answer = std::vector<ConnectionInfo>;
};

struct ConsumerInfo {
  std::uint64_t connection = 0;
  std::uint16_t channel = 0;
  std::uint64_t consumer = 0;
  std::string queue{};
  std::uint32_t prefetch = 0;
  std::uint64_t unsettled = 0;
  bool no_ack = false, exclusive = false, active = true;
  std::int32_t priority = 0;
  std::string tag{};  // an AMQP client's name for it
};
struct DescribeConsumers {
  using Answer = std::vector<ConsumerInfo>;
};

struct BrokerInfo {
  std::uint64_t exchanges = 0, queues = 0, bindings = 0, topics = 0, partitions = 0, groups = 0;
  std::uint64_t connections = 0, consumers = 0;
  std::uint64_t ready = 0, unsettled = 0;                 // messages
  std::uint64_t published = 0, delivered = 0, acked = 0;  // messages since the broker started
  std::uint64_t appended_batches = 0, appended_records = 0;
  std::uint64_t turn = 0, persisted = 0;
  bool disk_alarm = false, memory_alarm = false;
  std::string version{};
  std::uint32_t pid = 0;
  std::uint64_t uptime_ms = 0, rss_bytes = 0;
  std::uint64_t journal_bytes = 0, backlog_bytes = 0, topic_bytes = 0, disk_free_bytes = 0;
};
struct DescribeBroker {
  using Answer = BrokerInfo;
};

namespace client {
/// Defined for every request above (client/ask.cpp).
template <class Request>
void ask(Driver& driver, const Request& request, Completion<typename Request::Answer> done);
}  // namespace client

}  // namespace tandem
