// Which partition is compacted when, and how its new files take the place of the old ones.
#include <algorithm>

#include "broker/storage/topic_store.h"

namespace tandem::storage {
namespace {

using Segments = std::vector<std::shared_ptr<TopicSegment>>;
using Iterator = Segments::const_iterator;

/// Behind the last segment that may be compacted: the partition's last one is still growing, and records younger than
/// min.compaction.lag.ms are left alone.
Iterator end_of_closed(const Segments& segments, const TopicRetention& retention, TimestampMs now) {
  if (segments.empty()) return segments.end();
  return std::find_if(segments.begin(), std::prev(segments.end()), [&](const auto& segment) {
    return retention.lag_min_ms > 0 && segment->facts.max_timestamp > now - retention.lag_min_ms;
  });
}

std::uint64_t size_of(Iterator from, Iterator to) {
  std::uint64_t size = 0;
  for (; from != to; ++from) size += (*from)->facts.size_bytes;
  return size;
}

bool holds_due_deletions(const std::shared_ptr<TopicSegment>& segment, TimestampMs now) {
  return segment->facts.delete_horizon >= 0 && segment->facts.delete_horizon <= now;
}

/// A stretch of a partition's segments that is to be compacted, and how urgent that is.
struct Need {
  Iterator first, dirty, last;
  Iterator compacted_end;  // of the partition's segments
  double urgency = 0;  // share of it that was never compacted
};

std::optional<Need> need_of(const Segments& segments, const TopicRetention& retention, TimestampMs now) {
  const Iterator end = end_of_closed(segments, retention, now);
  const Iterator dirty =
      std::find_if(segments.begin(), end, [](const auto& segment) { return !segment->facts.compacted; });
  if (dirty != end) {
    const auto part = static_cast<double>(size_of(dirty, end));
    const double ratio = part / static_cast<double>(size_of(segments.begin(), end));
    const TimestampMs age = now - (*dirty)->facts.first_timestamp;
    if (ratio >= retention.dirty_ratio_min || age > retention.lag_max_ms)
      return Need{segments.begin(), dirty, end, dirty, ratio};
  }
  const auto is_due = [now](const auto& segment) { return holds_due_deletions(segment, now); };
  const Iterator first = std::find_if(segments.begin(), dirty, is_due);
  if (first == dirty) return std::nullopt;
  const Iterator last = std::find_if_not(first, dirty, is_due);
  return Need{first, last, last, dirty, 0};
}

}  // namespace

std::optional<CompactionTask> TopicStore::compaction_due(TimestampMs now) const {
  std::optional<CompactionTask> task;
  double urgency = -1;
  for (const auto& [topic_id, topic] : topics_) {
    if (!topic.retention.compacts) continue;
    for (const auto& [index, partition] : topic.partitions) {
      if (partition.replaced || now < partition.compact_not_before) continue;
      const auto need = need_of(partition.segments, topic.retention, now);
      if (!need || need->urgency <= urgency) continue;
      urgency = need->urgency;
      task.emplace();
      task->partition = {topic_id, index};
      task->directory = partition_directory(directory_, task->partition);
      task->segments.assign(need->first, need->last);
      task->first_dirty = static_cast<std::size_t>(need->dirty - need->first);
      if (need->compacted_end != partition.segments.begin()) task->compacted_end = (*std::prev(need->compacted_end))->facts.end;
      task->segment_size_max_bytes = topic.retention.segments.size_max_bytes;
      task->tombstone_age_max_ms = topic.retention.tombstone_age_max_ms;
      task->now = now;
      for (const auto& segment : task->segments)
        task->generation = std::max(task->generation, segment->facts.generation + 1);
    }
  }
  return task;
}

void TopicStore::compacted(const Compaction& compaction) {
  const CompactionTask& task = compaction.task();
  const PartitionId id = task.partition;
  Partition* partition = find(id);
  Segments none;
  Segments& segments = partition != nullptr ? partition->segments : none;
  const auto is_replaced = [&](const auto& segment) {
    const auto end = task.segments.begin() + static_cast<std::ptrdiff_t>(compaction.replaced());
    return std::find(task.segments.begin(), end, segment) != end;
  };
  // Some of the first ones may have been trimmed away meanwhile, or all: then nobody knows the new files.
  const auto first = std::find_if(segments.begin(), segments.end(), is_replaced);
  if (first == segments.end()) {
    for (const auto& made : compaction.made()) old_.segments.push_back({id, made->facts.base, made->facts.generation});
    return;
  }
  const auto last = std::find_if_not(first, segments.end(), is_replaced);
  const std::uint64_t size_before_bytes = size_bytes_;
  for (auto segment = first; segment != last; ++segment) {
    replaced_size_bytes_ += (*segment)->facts.size_bytes;
    forget_segment(id, (*segment)->facts);
  }
  const auto place = segments.erase(first, last);
  segments.insert(place, compaction.made().begin(), compaction.made().end());
  for (const auto& made : compaction.made()) know_segment(id, *made);
  partition->replaced = true;
  partition->recent.clear();  // it has what the new files have not
  newly_compacted_.push_back(
      {id, compaction.through(), size_before_bytes - std::min(size_before_bytes, size_bytes_)});
  drop_trimmed(id, *partition);
}

void TopicStore::put_off_compaction(PartitionId id, TimestampMs not_before) {
  if (Partition* partition = find(id)) partition->compact_not_before = not_before;
}

std::vector<core::CompactionDone> TopicStore::compacted_partitions() const {
  std::vector<core::CompactionDone> all;
  for (const auto& [topic_id, topic] : topics_)
    for (const auto& [index, partition] : topic.partitions) {
      Offset through = -1;
      for (const auto& segment : partition.segments) {
        if (!segment->facts.compacted) break;
        through = segment->facts.end;
      }
      if (through >= 0) all.push_back({{topic_id, index}, through, 0});
    }
  return all;
}

bool TopicStore::waits_for_checkpoint() const {
  if (replaced_size_bytes_ > 0) return true;
  for (const auto& [topic_id, topic] : topics_)
    for (const auto& [index, partition] : topic.partitions)
      if (!partition.tail.empty()) return true;
  return false;
}

}  // namespace tandem::storage
