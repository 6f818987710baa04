// What a request needs its user to be permitted, by the names it uses: RabbitMQ's access-control table for exchanges and
// queues, and the same three words for topics, groups and transactional ids. Looking at things (Describe, ListOffset,
// FetchOffsets, a passive declare) and settling what was delivered need nothing; users, policies and other connections
// are a matter of tags (user_verbs.h).
//
//   configure  declare and delete an exchange or queue; create, alter, trim and delete a topic; delete a group or its offsets
//   write      publish to an exchange; bind or unbind a destination; append to a topic; use a transactional id
//   read       consume, get, peek and purge of a queue; fetch of a topic; bind or unbind a source; be a group's member and
//              commit its offsets; cancel what an exchange delays
//
// Who names an exchange for what is not routed (alternate-exchange) or dies (x-dead-letter-exchange) writes to that one and
// reads from its own; asked when the exchange or queue is new. The default exchange is called amq.default.
#pragma once

#include <optional>
#include <string_view>
#include <type_traits>

#include "broker/core/turn.h"

namespace tandem::core {

/// not_authorized when the connection's user is not permitted this; `argument` of the refusal is the permission,
/// `received` the user. Everybody is as long as there are no users, and who logged in before there were.
std::optional<Refusal> judge_access(Turn& turn, const Caller& who, Permission permission, ObjectKind object,
                                    std::string_view name);

/// What the user of a connection (nullptr: nobody's) would be permitted, for clients that ask before they try: with what bears
/// this name, or, without one, with every name there could be.
Allowed find_allowed(const Users& users, Connection* connection, std::optional<std::string_view> name);

/// Judged by Broker::handle before the request's own verb. Every input is here or in one of the two lists below.
std::optional<Refusal> judge_access(Turn& turn, const DeclareExchange& input);
std::optional<Refusal> judge_access(Turn& turn, const DeleteExchange& input);
std::optional<Refusal> judge_access(Turn& turn, const DeclareQueue& input);
std::optional<Refusal> judge_access(Turn& turn, const DeleteQueue& input);
std::optional<Refusal> judge_access(Turn& turn, const PurgeQueue& input);
std::optional<Refusal> judge_access(Turn& turn, const Bind& input);
std::optional<Refusal> judge_access(Turn& turn, const Unbind& input);
std::optional<Refusal> judge_access(Turn& turn, const CheckPublish& input);
std::optional<Refusal> judge_access(Turn& turn, const Subscribe& input);
std::optional<Refusal> judge_access(Turn& turn, const Get& input);
std::optional<Refusal> judge_access(Turn& turn, const Peek& input);
std::optional<Refusal> judge_access(Turn& turn, const CancelDelayed& input);
std::optional<Refusal> judge_access(Turn& turn, const CreateTopic& input);
std::optional<Refusal> judge_access(Turn& turn, const AlterTopic& input);
std::optional<Refusal> judge_access(Turn& turn, const DeleteTopic& input);
std::optional<Refusal> judge_access(Turn& turn, const TrimTopic& input);
std::optional<Refusal> judge_access(Turn& turn, const DeleteGroup& input);
std::optional<Refusal> judge_access(Turn& turn, const InitProducer& input);
std::optional<Refusal> judge_access(Turn& turn, const AddPartitionsToTransaction& input);
std::optional<Refusal> judge_access(Turn& turn, const AddOffsetsToTransaction& input);
std::optional<Refusal> judge_access(Turn& turn, const EndTransaction& input);

template <class Input, class... Listed>
inline constexpr bool is_any_of = (std::is_same_v<Input, Listed> || ...);

/// These have parts, or are answered part by part.
template <class Input>
inline constexpr bool judges_its_own_access =
    is_any_of<Input, Publish, PublishMany, Transaction, Append, Fetch, CommitOffsets, DeleteOffsets, JoinGroup, SyncGroup,
              HeartbeatGroup, LeaveGroup>;

/// What looks at things, settles or limits what was delivered, is asked of administrators only (user_verbs.h), or does not come
/// from a client.
template <class Input>
inline constexpr bool needs_no_permission =
    is_any_of<Input, ConnectionOpened, ConnectionClosed, ConnectionWritable, CloseConnection, ChannelClosed, SetPolicy,
              DeletePolicy, DeclareUser, AlterUser, DeleteUser, Unsubscribe, SetChannelPrefetch, SetConsumerPrefetch, Settle, Recover,
              DeadLetterReady, DelayedReady, ListOffset, RetentionDue, CompactionDone, MarkersReady, FetchOffsets, Describe,
              Persisted, Tick, RunLoaded, RunUnreadable, CheckpointBegun, CheckpointDone, ResourceAlarm>;

/// Of requests that say with a code how they went: not_authorized or none.
ErrorCode judge_group_access(Turn& turn, const Caller& who, Permission permission, std::string_view group);

}  // namespace tandem::core
