// Batches that go home at once, with their commit group (topic_home.h).
#include <algorithm>
#include <iterator>

#include "broker/base/check.h"
#include "broker/storage/checkpoint_keys.h"
#include "broker/storage/topic_store.h"

namespace tandem::storage {
namespace {

/// A tail of this size may go home before a checkpoint's cut: the commit group with it holds up what is behind.
constexpr std::uint64_t tail_before_cut_max_bytes = 16u << 20;

std::uint64_t size_of(const TopicTail& entries) {
  std::uint64_t size = 0;
  for (const TopicTailEntry& entry : entries) size += entry.size_bytes;
  return size;
}

TimestampMs newest_timestamp(const TopicTail& entries) {
  TimestampMs newest = entries.front().max_timestamp;
  for (const TopicTailEntry& entry : entries) newest = std::max(newest, entry.max_timestamp);
  return newest;
}

}  // namespace

/// Of the segment that the next batch goes to; nullptr: there is none.
const TopicSegmentFacts* TopicStore::newest_facts(const Partition& partition) const {
  if (!partition.settling.empty()) return &partition.settled;
  return partition.segments.empty() ? nullptr : &partition.segments.back()->facts;
}

std::optional<HomeWrite> TopicStore::go_home(const core::Appended& appended, StoredBytes batch) {
  Partition* partition = find(appended.partition);
  if (partition == nullptr) return std::nullopt;
  partition->has_large = true;
  // What holds messages becomes batches when it goes home, which takes a checkpoint.
  if (!partition->tail_is_batches) return std::nullopt;
  std::optional<HomeWrite> home;
  if (!partition->homing && partition->tail_size_bytes <= large_.tail_factor_max * appended.size_bytes) {
    TopicTailEntry entry = tail_entry(appended);
    home = plan_home(appended.partition, topics_[appended.partition.topic], *partition, &entry, std::move(batch));
  }
  home_is_waited_for_ = home_is_waited_for_ || !home;
  return home;
}

std::uint64_t TopicStore::next_home_position(PartitionId id) const {
  const Partition* partition = find(id);
  if (partition == nullptr) return 0;
  const TopicSegmentFacts* newest = newest_facts(*partition);
  return (newest != nullptr ? newest->size_bytes : 0) + partition->tail_size_bytes;
}

std::vector<HomeWrite> TopicStore::tails_go_home() {
  std::vector<HomeWrite> homes;
  for (auto& [topic_id, topic] : topics_)
    for (auto& [index, partition] : topic.partitions) {
      const bool goes = std::exchange(partition.has_large, false) && !partition.tail.empty() && partition.tail_is_batches &&
                        !partition.homing && partition.tail_size_bytes <= tail_before_cut_max_bytes;
      const TopicSegmentFacts* newest = newest_facts(partition);
      if (!goes || (newest != nullptr && must_roll(*newest, topic.retention.segments, partition.tail_size_bytes,
                                                   newest_timestamp(partition.tail))))
        continue;
      auto home = plan_home({topic_id, index}, topic, partition, nullptr, {});
      if (!home) continue;
      partition.may_roll = false;
      homes.push_back(std::move(*home));
    }
  return homes;
}

/// The tail, and `last` behind it if there is one. nullopt: the tail is not all in memory, or larger than a segment.
std::optional<HomeWrite> TopicStore::plan_home(PartitionId id, const Topic& topic, Partition& partition,
                                               TopicTailEntry* last, StoredBytes bytes) {
  HomeWrite home;
  home.partition = id;
  for (const TopicTailEntry& entry : partition.tail) {
    home.batches.push_back(bodies_.resident(entry.body, entry.size_bytes));
    if (home.batches.back().owner == nullptr) return std::nullopt;
  }
  home.entries = partition.tail;
  if (last != nullptr) {
    home.entries.push_back(*last);
    home.batches.push_back(std::move(bytes));
  }
  const TopicSegmentLimits& limits = topic.retention.segments;
  const std::uint64_t size = size_of(home.entries);
  if (size > limits.size_max_bytes && home.entries.size() > 1) return std::nullopt;

  const TopicSegmentFacts* newest = newest_facts(partition);
  const bool rolls = partition.may_roll && newest != nullptr &&
                     must_roll(*newest, limits, size, newest_timestamp(home.entries));
  if (newest != nullptr && !rolls)
    home.position = newest->size_bytes;
  else if (!may_make_files_.load(std::memory_order_acquire))
    return std::nullopt;
  auto growth = growth_at(newest, home.entries, home.position + size - home.entries.back().size_bytes);
  CHECK(growth.ok());
  home.growth = std::move(*growth);
  home.directory = partition_directory(directory_, id);
  home.directory_is_new = newest == nullptr;

  clear_tail(partition);
  std::copy(home.entries.begin(), home.entries.end(), std::back_inserter(partition.settling));
  partition.settled = home.growth.facts;
  record_growth(partition, home.growth);
  return home;
}

void TopicStore::home_written(const HomeWrite& home) {
  Partition* partition = find(home.partition);
  if (partition == nullptr) return;  // its topic was deleted meanwhile
  CHECK(partition->settling.size() >= home.entries.size());
  CHECK(partition->settling.front().base == home.entries.front().base);
  partition->settling.erase(partition->settling.begin(),
                            partition->settling.begin() + static_cast<std::ptrdiff_t>(home.entries.size()));
  grow(*partition, home.growth);
  keep_recent(home.partition, *partition, std::make_shared<const TopicTail>(home.entries));
  drop_what_left_memory(*partition);
  drop_trimmed(home.partition, *partition);
}

/// At a start: the batch is in its segment, and with it what lies before it.
Result<> TopicStore::follow_home(Partition& partition, const core::Appended& appended) {
  TopicTail entries = partition.tail;
  entries.push_back(tail_entry(appended));
  const auto growth = growth_at(newest_facts(partition), entries, body_position(appended.body));
  if (!growth)
    return Error{ErrorCode::corrupt, "topic " + std::to_string(appended.partition.topic.value) + ", partition " +
                                         std::to_string(appended.partition.index) + ": " + growth.error().text};
  clear_tail(partition);
  grow(partition, *growth);
  record_growth(partition, *growth);
  return Done{};
}

void TopicStore::replayed() {
  replaying_ = false;
  for (auto& [topic_id, topic] : topics_)
    for (auto& [index, partition] : topic.partitions) drop_trimmed({topic_id, index}, partition);
}

// --- what the next checkpoint has to know of it
// -------------------------------------------------------------------------------------

void TopicStore::record_growth(Partition& partition, const TopicSegmentGrowth& growth) {
  auto& unrecorded = partition.unrecorded;
  const bool goes_on = !unrecorded.empty() && unrecorded.back().facts.base == growth.facts.base &&
                       unrecorded.back().facts.generation == growth.facts.generation;
  if (!goes_on) return unrecorded.push_back(growth);
  unrecorded.back().facts = growth.facts;
  unrecorded.back().index.insert(unrecorded.back().index.end(), growth.index.begin(), growth.index.end());
}

void TopicStore::put_unrecorded(PartitionId id, Partition& partition) {
  for (const TopicSegmentGrowth& growth : partition.unrecorded) {
    segment_changes_.put(keys::segment(id, growth.facts.base), encode_segment_facts(growth.facts));
    segment_changes_.put(keys::index(id, growth.facts.base, growth.index.front().offset), encode_index(growth.index));
  }
  partition.unrecorded.clear();
}

}  // namespace tandem::storage
