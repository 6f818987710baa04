// What topics have to do when time passes or a connection ends, and what they look like.
#include <algorithm>
#include <limits>

#include "broker/core/fetch.h"
#include "broker/core/group_rebalance.h"
#include "broker/core/readable.h"
#include "broker/core/topic_verbs.h"

namespace tandem::core {
namespace {

PartitionInfo info_of(const Session& session, PartitionId id, const Partition& partition) {
  return {id.index,
          partition.start,
          partition.end,
          visible_end(session, id, partition),
          last_stable(session, id, partition),
          partition.size_bytes};
}

TopicInfo info_of(const Session& session, const Topic& topic) {
  TopicInfo info{topic.facts, {}};
  info.partitions.reserve(topic.partitions.size());
  for (std::size_t index = 0; index < topic.partitions.size(); ++index)
    info.partitions.push_back(
        info_of(session, {topic.facts.id, static_cast<PartitionIndex>(index)}, topic.partitions[index]));
  return info;
}

/// Nobody waits on these channels any more.
void forget_waiting(Turn& turn, ChannelId first, ChannelId last) {
  turn.session().ending_transactions.forget_waiting(first, last);
  forget_waiting_members(turn, first, last);
}

}  // namespace

void tick_topics(Turn& turn) {
  answer_due_fetches(turn);
  forget_idle_windows(turn);
}

TimestampMs next_due_topics(const State& state, const Session& session) {
  const TimestampMs look = state.topics.all().empty() ? never : session.idle_producers.next_at;
  return std::min(session.parked_fetches.next_due(), look);
}

void connection_closed_topics(Turn& turn, ConnectionId connection) {
  turn.session().parked_fetches.drop_connection(connection);
  forget_waiting(turn, {connection, 0}, {connection, std::numeric_limits<std::uint16_t>::max()});
}

void channel_closed_topics(Turn& turn, ChannelId channel) {
  turn.session().parked_fetches.drop_channel(channel);
  forget_waiting(turn, channel, channel);
}

void describe_topics(const State& state, const Session& session, std::string_view name, Described& out) {
  if (!name.empty()) {
    if (const Topic* topic = state.topics.find(name)) out.topics.push_back(info_of(session, *topic));
    return;
  }
  for (const auto& [id, topic] : state.topics.all()) out.topics.push_back(info_of(session, topic));
  std::sort(out.topics.begin(), out.topics.end(),
            [](const TopicInfo& a, const TopicInfo& b) { return a.topic.name < b.topic.name; });
}

}  // namespace tandem::core
