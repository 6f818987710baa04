#include "broker/core/group_verbs.h"

#include <algorithm>

namespace tandem::core {
namespace {

/// Whether an offset of this group and partition waits for the end of a producer's transaction.
bool is_pending(const ProducerChanged& producer, std::string_view group, PartitionId partition) {
  return std::any_of(
      producer.pending_offsets.begin(), producer.pending_offsets.end(),
      [&](const OffsetCommitted& each) { return each.group == group && each.partition == partition; });
}

bool is_unstable(const Producers& producers, std::string_view group, PartitionId partition) {
  const auto pending = [&](std::int64_t id) { return is_pending(*producers.find(id), group, partition); };
  return std::any_of(producers.ongoing().begin(), producers.ongoing().end(),
                     [&](const auto& entry) { return pending(entry.second); }) ||
         std::any_of(producers.ending().begin(), producers.ending().end(), pending);
}

FetchedOffset fetched(const State& state, const FetchOffsets& input, std::string_view topic_name,
                      PartitionId id) {
  FetchedOffset out{.topic = std::string(topic_name), .partition = id.index};
  if (input.require_stable && is_unstable(state.producers, input.group, id)) {
    out.error = ErrorCode::concurrent_transactions;
    return out;
  }
  const Group* group = state.groups.find(input.group);
  if (!group) return out;
  const auto it = group->offsets.find(id);
  if (it == group->offsets.end()) return out;
  out.offset = it->second.offset;
  out.leader_epoch = it->second.leader_epoch;
  out.metadata = it->second.metadata;
  return out;
}

std::vector<FetchedOffset> fetch_all(const State& state, const FetchOffsets& input) {
  std::vector<FetchedOffset> out;
  const Group* group = state.groups.find(input.group);
  if (!group) return out;
  for (const auto& [id, committed] : group->offsets)
    if (const Topic* topic = state.topics.find(id.topic))
      out.push_back(fetched(state, input, topic->facts.name, id));
  return out;
}

std::vector<FetchedOffset> fetch_some(const State& state, const FetchOffsets& input) {
  std::vector<FetchedOffset> out;
  for (const FetchOffsetEntry& entry : input.entries) {
    const Topic* topic = state.topics.find(entry.topic);
    out.push_back(fetched(state, input, entry.topic, {topic ? topic->facts.id : TopicId{}, entry.partition}));
  }
  return out;
}

}  // namespace

/// An offset that was never committed is -1, also when topic or group do not exist, as Kafka answers.
void handle(Turn& turn, const FetchOffsets& input) {
  turn.wait_for_earlier_turns();
  turn.answer(input.who, OffsetsFetched{input.who, input.all ? fetch_all(turn.state(), input)
                                                             : fetch_some(turn.state(), input)});
}

}  // namespace tandem::core
