// What can be done with topics, one file per verb, and what the rest of the core needs of them.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "broker/core/turn.h"

namespace tandem::core {

void handle(Turn& turn, const CreateTopic& input);
void handle(Turn& turn, const AlterTopic& input);
void handle(Turn& turn, const DeleteTopic& input);
void handle(Turn& turn, const Append& input);
void handle(Turn& turn, const Fetch& input);
void handle(Turn& turn, const ListOffset& input);
void handle(Turn& turn, const TrimTopic& input);
void handle(Turn& turn, const RetentionDue& input);
void handle(Turn& turn, const CompactionDone& input);

/// For what creates and deletes topics under another name (stream.h).
std::optional<Refusal> judge_new_topic(const State& state, const CreateTopic& input);
TopicCreated new_topic(const State& state, const CreateTopic& input, TimestampMs now);
/// With its bindings; fetches that wait are answered.
void delete_topic(Turn& turn, const Topic& topic);

// --- appends, also as part of a transaction or through an exchange
// ------------------------------------------------------

/// What the operations of a transaction, checked so far, will have appended: a later one is judged behind
/// them.
struct AppendTally {
  struct Part {
    PartitionId partition;
    Offset end = 0;
    std::vector<ProducerWindow> producers;
  };
  std::vector<Part> parts;
};
/// Whether the append could be done behind those in `earlier`; if so it is added there.
std::optional<Refusal> check_append(const Turn& turn, const AppendOp& op, AppendTally& earlier);
/// Only for an append that was checked in the same turn. Returns its base offset, or the original's of a
/// duplicate.
Offset do_append(Turn& turn, const AppendOp& op);

/// A message that came through an exchange to a topic. The binding's argument x-key chooses the record key:
/// "routing-key" (the default), "message-id", "correlation-id" or "header:<name>"; a message that has no such
/// property takes its routing key. The partition is that of Kafka's default partitioner. false: it is larger than the
/// topic's max.message.bytes, and not taken (the publisher gets a nack, as from a full queue).
bool append_message(Turn& turn, TopicId topic, const MessageView& message, const Table* binding_arguments);
/// Whether the topic does not take the message: its stored form is above max.message.bytes.
bool is_too_large(const Topic& topic, const MessageView& message);
/// What is wrong with a binding's x-key, for people; nullopt when it is good or absent.
std::optional<std::string> judge_topic_binding(const Table* binding_arguments);

// --- occasions
// ----------------------------------------------------------------------------------------------------------

/// Records of the partition up to `end` are on disk: wakes the fetches that wait for them.
void partition_visible(Turn& turn, PartitionId partition, Offset end);
/// Answers fetches that have waited long enough.
void tick_topics(Turn& turn);
TimestampMs next_due_topics(const State& state, const Session& session);
/// Forgets what waits for answers on this connection: fetches, joins, syncs, ends of transactions.
void connection_closed_topics(Turn& turn, ConnectionId connection);
/// The same for one channel.
void channel_closed_topics(Turn& turn, ChannelId channel);
/// `name` "" = all, by name.
void describe_topics(const State& state, const Session& session, std::string_view name, Described& out);

}  // namespace tandem::core
