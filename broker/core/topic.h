// Topics and their partitions: what is durable of them. Bytes are with storage; the core knows offsets. What
// becomes visible when is session state (parked_fetches.h).
#pragma once

#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/core/record.h"
#include "broker/core/send.h"
#include "broker/core/topic_options.h"

namespace tandem::core {

class State;

struct Partition {
  /// Producers a partition remembers. Beyond it the one whose last batch is oldest is forgotten (and would be
  /// taken with any sequence again); 10,000 cost about 2 MB.
  static constexpr std::size_t producers_max = 10'000;

  Offset start = 0;
  Offset end = 0;                // of the next record
  std::uint64_t size_bytes = 0;  // of the batches from start to end; after a trim inside of it, an estimate
  TimestampMs max_timestamp = -1;
  std::vector<ProducerWindow> producers;    // by producer id, ascending
  std::vector<AbortedTransaction> aborted;  // by last offset, ascending
  Offset first_unstable = -1;               // where the oldest open transaction starts; -1 = none is open
  bool dirty = false;                       // changed since the last checkpoint

  const ProducerWindow* find_producer(std::int64_t id) const;
};

struct Topic {
  TopicCreated facts;
  TopicOptions options;  // of facts.config
  std::vector<Partition> partitions;
};

class Topics {
 public:
  Topics() = default;
  Topics(const Topics&) = delete;
  Topics& operator=(const Topics&) = delete;

  const Topic* find(std::string_view name) const;
  const Topic* find(TopicId id) const;
  const Topic* find_uuid(std::uint64_t high, std::uint64_t low) const;
  /// nullptr when topic or partition does not exist.
  const Partition* find(PartitionId id) const;

  /// Every topic, by id ascending.
  const std::map<TopicId, Topic>& all() const { return topics_; }
  std::size_t partitions_count() const { return partitions_count_; }
  std::uint64_t appended_batches() const { return appended_batches_; }
  std::uint64_t appended_records() const { return appended_records_; }

  // Only for apply():
  void put(const TopicCreated& facts);
  void erase(TopicId id);
  Partition* change(PartitionId id);   // marks it dirty; nullptr when it does not exist
  Partition* restore(PartitionId id);  // leaves it clean: the checkpoint holds it already
  void count_append(std::int32_t records);
  /// The partitions that changed since the last call, ascending; they are clean now.
  std::vector<PartitionId> take_dirty();

 private:
  Topic* find_mutable(TopicId id);

  std::map<TopicId, Topic> topics_;
  std::unordered_map<TopicId, Topic*> by_id_;
  std::unordered_map<std::string_view, Topic*> by_name_;  // keys are the topics' own names
  std::map<std::pair<std::uint64_t, std::uint64_t>, Topic*> by_uuid_;
  std::vector<PartitionId> dirty_;
  std::size_t partitions_count_ = 0;
  std::uint64_t appended_batches_ = 0, appended_records_ = 0;  // since start
};

void apply(State& state, const TopicCreated& record);
void apply(State& state, const TopicAltered& record);
void apply(State& state, const TopicDeleted& record);
void apply(State& state, const Appended& record);
void apply(State& state, const Trimmed& record);
void apply(State& state, const Compacted& record);
void apply(State& state, const ProducersForgotten& record);
void apply(State& state, const PartitionState& record);

/// Checkpoint: the PartitionState of every partition that changed since the last one.
void checkpoint_topics(State& state, CheckpointState& checkpoint);
/// All of it as records, topics by id: TopicCreated, then its partitions.
void durable_topics(const State& state, std::vector<Record>& out);

}  // namespace tandem::core
