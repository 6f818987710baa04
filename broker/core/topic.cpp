#include "broker/core/topic.h"

#include <algorithm>

#include "broker/base/check.h"

namespace tandem::core {

const ProducerWindow* Partition::find_producer(std::int64_t id) const {
  const auto it = std::lower_bound(
      producers.begin(), producers.end(), id,
      [](const ProducerWindow& window, std::int64_t wanted) { return window.producer_id < wanted; });
  return it != producers.end() && it->producer_id == id ? &*it : nullptr;
}

const Topic* Topics::find(std::string_view name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : it->second;
}

const Topic* Topics::find(TopicId id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : it->second;
}

const Topic* Topics::find_uuid(std::uint64_t high, std::uint64_t low) const {
  const auto it = by_uuid_.find({high, low});
  return it == by_uuid_.end() ? nullptr : it->second;
}

Topic* Topics::find_mutable(TopicId id) {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : it->second;
}

const Partition* Topics::find(PartitionId id) const {
  const Topic* topic = find(id.topic);
  if (!topic || id.index < 0 || id.index >= topic->facts.partitions) return nullptr;
  return &topic->partitions[static_cast<std::size_t>(id.index)];
}

void Topics::put(const TopicCreated& facts) {
  Topic& topic = topics_[facts.id];
  const bool is_new = !topic.facts.id;
  CHECK(is_new || topic.facts.name == facts.name);
  CHECK(facts.partitions >= topic.facts.partitions);
  if (is_new) {
    topic.facts = facts;
    by_id_.emplace(facts.id, &topic);
    by_name_.emplace(topic.facts.name, &topic);
    by_uuid_.emplace(std::pair(facts.uuid_high, facts.uuid_low), &topic);
  } else {
    topic.facts.config = facts.config;
    topic.facts.partitions = facts.partitions;
  }
  topic.options = parse_topic_options(facts.config);
  partitions_count_ += static_cast<std::size_t>(facts.partitions) - topic.partitions.size();
  topic.partitions.resize(static_cast<std::size_t>(facts.partitions));
}

void Topics::erase(TopicId id) {
  Topic* topic = find_mutable(id);
  if (!topic) return;
  partitions_count_ -= topic->partitions.size();
  by_name_.erase(topic->facts.name);
  by_uuid_.erase({topic->facts.uuid_high, topic->facts.uuid_low});
  by_id_.erase(id);
  topics_.erase(id);
}

Partition* Topics::restore(PartitionId id) {
  Topic* topic = find_mutable(id.topic);
  if (!topic || id.index < 0 || id.index >= topic->facts.partitions) return nullptr;
  return &topic->partitions[static_cast<std::size_t>(id.index)];
}

Partition* Topics::change(PartitionId id) {
  Partition* partition = restore(id);
  if (partition && !partition->dirty) {
    partition->dirty = true;
    dirty_.push_back(id);
  }
  return partition;
}

void Topics::count_append(std::int32_t records) {
  appended_batches_ += 1;
  appended_records_ += static_cast<std::uint64_t>(records);
}

std::vector<PartitionId> Topics::take_dirty() {
  std::vector<PartitionId> taken;
  taken.swap(dirty_);
  std::erase_if(taken, [&](PartitionId id) { return find(id) == nullptr; });
  std::sort(taken.begin(), taken.end());
  for (const PartitionId id : taken) restore(id)->dirty = false;
  return taken;
}

}  // namespace tandem::core
