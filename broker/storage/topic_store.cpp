#include "broker/storage/topic_store.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "broker/base/check.h"
#include "broker/storage/checkpoint_keys.h"

namespace tandem::storage {
namespace {

template <class Number>
void parse(std::string_view text, Number& number) {
  Number parsed{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (error == std::errc{} && end == text.data() + text.size()) number = parsed;
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

TopicRetention parse_retention(const std::vector<std::pair<std::string, std::string>>& config) {
  TopicRetention retention;
  bool deletes = true;
  for (const auto& [key, value] : config) {
    if (key == "retention.ms") parse(value, retention.age_max_ms);
    if (key == "retention.bytes") parse(value, retention.size_max_bytes);
    if (key == "segment.bytes") parse(value, retention.segments.size_max_bytes);
    if (key == "segment.ms") parse(value, retention.segments.age_max_ms);
    if (key == "min.cleanable.dirty.ratio") parse(value, retention.dirty_ratio_min);
    if (key == "min.compaction.lag.ms") parse(value, retention.lag_min_ms);
    if (key == "max.compaction.lag.ms") parse(value, retention.lag_max_ms);
    if (key == "delete.retention.ms") parse(value, retention.tombstone_age_max_ms);
    if (key != "cleanup.policy") continue;
    deletes = value.find("delete") != std::string::npos;
    retention.compacts = value.find("compact") != std::string::npos;
  }
  if (!deletes) retention.age_max_ms = retention.size_max_bytes = -1;
  return retention;
}

TopicStore::TopicStore(FileSystem& files, std::string directory, BodyCache& bodies, Worker& reader, Post post,
                       LargeTails large)
    : files_(files),
      directory_(std::move(directory)),
      bodies_(bodies),
      reader_(reader),
      post_(std::move(post)),
      large_(large),
      open_files_(files),
      alive_(std::make_shared<TopicStore*>(this)) {}

// --- following the records
// -----------------------------------------------------------------------------------------

void TopicStore::follow(const core::TopicCreated& created) {
  Topic& topic = topics_[created.id];
  topic.retention = parse_retention(created.config);
  for (PartitionIndex i = 0; i < created.partitions; ++i) topic.partitions.try_emplace(i);
}

Result<> TopicStore::follow(const core::Appended& appended) {
  Partition* partition = find(appended.partition);
  if (partition == nullptr) return Done{};
  if (body_place(appended.body) == BodyPlace::segment) return follow_home(*partition, appended);
  if (partition->tail.empty()) tails_ += 1;
  partition->tail.push_back(tail_entry(appended));
  partition->tail_is_batches = partition->tail_is_batches && appended.form == core::AppendedForm::batch;
  partition->tail_size_bytes += appended.size_bytes;
  tails_size_bytes_ += appended.size_bytes;
  return Done{};
}

void TopicStore::follow(const core::Trimmed& trimmed) {
  Partition* partition = find(trimmed.partition);
  if (partition == nullptr) return;
  partition->start = std::max(partition->start, trimmed.start);
  drop_trimmed(trimmed.partition, *partition);
}

void TopicStore::follow(const core::PartitionState& state) {
  if (Partition* partition = find(state.partition)) partition->start = state.start;
}

void TopicStore::restore_segment(PartitionId id, TopicSegment segment) {
  Partition* partition = find(id);
  if (partition == nullptr) return;
  size_bytes_ += segment.facts.size_bytes;
  partition->segments.push_back(std::make_shared<TopicSegment>(std::move(segment)));
}

void TopicStore::drop(TopicId id) {
  const auto topic = topics_.find(id);
  if (topic == topics_.end()) return;
  for (auto& [index, partition] : topic->second.partitions) {
    for (const auto& segment : partition.segments) size_bytes_ -= segment->facts.size_bytes;
    clear_tail(partition);
  }
  topics_.erase(topic);
  segment_changes_.erase_all({keys::segments_of(id), {}, 0});
  segment_changes_.erase_all({keys::indexes_of(id), {}, 0});
  old_.topics.push_back(id);
}

TopicStore::Partition* TopicStore::find(PartitionId id) {
  return const_cast<Partition*>(std::as_const(*this).find(id));
}

const TopicStore::Partition* TopicStore::find(PartitionId id) const {
  const auto topic = topics_.find(id.topic);
  if (topic == topics_.end()) return nullptr;
  const auto partition = topic->second.partitions.find(id.index);
  return partition == topic->second.partitions.end() ? nullptr : &partition->second;
}

/// Whole segments below the start are of no use to any reader. While a checkpoint runs, the last one may be
/// growing: it stays until homed(). The same while commit groups are on their way to it, and at a start.
void TopicStore::drop_trimmed(PartitionId id, Partition& partition) {
  const bool may_grow = partition.homing || !partition.settling.empty() || !partition.may_roll || replaying_;
  const auto last = partition.segments.end() - (may_grow && !partition.segments.empty() ? 1 : 0);
  const auto keep = std::find_if(partition.segments.begin(), last,
                                 [&](const auto& segment) { return segment->facts.end > partition.start; });
  for (auto segment = partition.segments.begin(); segment != keep; ++segment) {
    forget_segment(id, (*segment)->facts);
  }
  partition.segments.erase(partition.segments.begin(), keep);
}

void TopicStore::forget_segment(PartitionId id, const TopicSegmentFacts& facts) {
  size_bytes_ -= facts.size_bytes;
  old_.segments.push_back({id, facts.base, facts.generation});
  segment_changes_.erase_all({keys::segment(id, facts.base), {}, 0});
  segment_changes_.erase_all({keys::indexes_of(id, facts.base), {}, 0});
  if (Partition* partition = find(id))
    std::erase_if(partition->unrecorded, [&](const TopicSegmentGrowth& growth) {
      return growth.facts.base == facts.base && growth.facts.generation == facts.generation;
    });
}

void TopicStore::know_segment(PartitionId id, const TopicSegment& segment) {
  size_bytes_ += segment.facts.size_bytes;
  segment_changes_.put(keys::segment(id, segment.facts.base), encode_segment_facts(segment.facts));
  segment_changes_.put(keys::index(id, segment.facts.base, segment.index.front().offset),
                       encode_index(segment.index));
}

// --- retention
// -----------------------------------------------------------------------------------------------------

std::vector<core::RetentionDue> TopicStore::retention_due(TimestampMs now) const {
  std::vector<core::RetentionDue> due;
  for (const auto& [topic_id, topic] : topics_)
    for (const auto& [index, partition] : topic.partitions) {
      const TopicRetention& retention = topic.retention;
      std::uint64_t size = 0;
      for (const auto& segment : partition.segments) size += segment->facts.size_bytes;
      Offset new_start = -1;
      for (const auto& segment : partition.segments) {
        const TopicSegmentFacts& facts = segment->facts;
        const bool old = retention.age_max_ms >= 0 && facts.max_timestamp < now - retention.age_max_ms;
        const bool surplus = retention.size_max_bytes >= 0 &&
                             size - facts.size_bytes >= static_cast<std::uint64_t>(retention.size_max_bytes);
        if (!old && !surplus) break;
        size -= facts.size_bytes;
        new_start = facts.end;
      }
      if (new_start > partition.start) due.push_back({{topic_id, index}, new_start});
    }
  return due;
}

// --- checkpoint
// ----------------------------------------------------------------------------------------------------

void TopicStore::clear_tail(Partition& partition) {
  if (partition.tail.empty()) return;
  tails_ -= 1;
  tails_size_bytes_ -= std::exchange(partition.tail_size_bytes, 0);
  partition.tail.clear();
  partition.tail_is_batches = true;
}

TopicHoming TopicStore::begin_homing() {
  TopicHoming homing;
  for (auto& [topic_id, topic] : topics_)
    for (auto& [index, partition] : topic.partitions) {
      CHECK(partition.homing == nullptr);
      put_unrecorded({topic_id, index}, partition);
      if (partition.tail.empty()) continue;
      homing_size_bytes_ += partition.tail_size_bytes;
      partition.homing = std::make_shared<const TopicTail>(std::exchange(partition.tail, {}));
      partition.tail_size_bytes = 0;
      partition.tail_is_batches = true;
      PartitionHoming part{
          {topic_id, index}, partition.start, topic.retention.segments, {}, partition.homing, {}};
      if (const TopicSegmentFacts* newest = newest_facts(partition)) part.active = *newest;
      homing.partitions.push_back(std::move(part));
    }
  tails_ = tails_size_bytes_ = 0;
  home_is_waited_for_ = false;
  homing.old = std::exchange(old_, {});
  homing.changes = std::exchange(segment_changes_, {});
  homing.compacted = std::exchange(newly_compacted_, {});
  replaced_size_bytes_ = 0;
  return homing;
}

void TopicStore::homed(const TopicHoming& homing) {
  homing_size_bytes_ = 0;
  for (auto& [topic_id, topic] : topics_)
    for (auto& [index, partition] : topic.partitions) partition.may_roll = true;
  for (const PartitionHoming& part : homing.partitions) {
    Partition* partition = find(part.partition);
    if (partition == nullptr)
      continue;  // its topic was dropped meanwhile: the next checkpoint forgets all of it
    keep_recent(part.partition, *partition, std::exchange(partition->homing, nullptr));
    for (const TopicSegmentGrowth& growth : part.growths) grow(*partition, growth);
    drop_trimmed(part.partition, *partition);
  }
  for (const core::CompactionDone& done : homing.compacted)
    if (Partition* partition = find(done.partition)) partition->replaced = false;
  drop_what_left_memory();
}

void TopicStore::keep_recent(PartitionId id, Partition& partition, std::shared_ptr<const TopicTail> tail) {
  std::uint64_t size = 0;
  for (const TopicTailEntry& entry : *tail) size += entry.size_bytes;
  if (size / tail->size() < large_.entry_min_bytes) return;
  partition.recent.push_back(std::move(tail));
  with_recent_.insert(id);
}

std::uint64_t TopicStore::recent_entries() {
  std::uint64_t count = 0;
  for (const PartitionId id : with_recent_)
    if (const Partition* partition = find(id))
      for (const auto& tail : partition->recent) count += tail->size();
  return count;
}

/// Of all partitions, also of those that get nothing any more: so what is kept of tails is no more than the cache holds.
void TopicStore::drop_what_left_memory() {
  std::erase_if(with_recent_, [&](PartitionId id) {
    Partition* partition = find(id);
    if (partition == nullptr) return true;
    drop_what_left_memory(*partition);
    return partition->recent.empty();
  });
}

void TopicStore::drop_what_left_memory(Partition& partition) {
  auto& recent = partition.recent;
  const auto is_gone = [this](const TopicTailEntry& entry) {
    return bodies_.resident(entry.body, entry.size_bytes).owner == nullptr;
  };
  while (!recent.empty() && is_gone(recent.front()->back())) recent.pop_front();
}

void TopicStore::grow(Partition& partition, const TopicSegmentGrowth& growth) {
  const bool grows_last =
      !partition.segments.empty() && partition.segments.back()->facts.base == growth.facts.base;
  if (!grows_last) partition.segments.push_back(std::make_shared<TopicSegment>());
  TopicSegment& segment = *partition.segments.back();
  size_bytes_ += growth.facts.size_bytes - segment.facts.size_bytes;
  segment.facts = growth.facts;
  segment.index.insert(segment.index.end(), growth.index.begin(), growth.index.end());
}

void TopicStore::remove_old_files(const OldTopicFiles& old, std::optional<PartitionId> read, FileRemover& remover) {
  for (const auto& [partition, base, generation] : old.segments) {
    const std::string path = partition_directory(directory_, partition) + "/" + segment_file_name(base, generation);
    open_files_.forget(path);
    remover.add_file(path, read == partition);
  }
  for (const TopicId topic : old.topics) {
    const std::string topic_directory = directory_ + "/" + std::to_string(topic.value);
    const auto partitions = files_.list(topic_directory);
    if (!partitions) continue;  // it never had a segment
    const bool is_read = read && read->topic == topic;
    for (const auto& partition : *partitions) remover.add_directory(topic_directory + "/" + partition, is_read);
    remover.add_directory(topic_directory, is_read);
    open_files_.forget_below(topic_directory);
  }
}

void TopicStore::expect_leftovers(KnownSegments& known) {
  may_make_files_ = false;
  for (const auto& [topic_id, topic] : topics_)
    for (const auto& [index, partition] : topic.partitions)
      for (const auto& segment : partition.segments)
        known[{topic_id, index}].insert(segment_file_name(segment->facts.base, segment->facts.generation));
}

Result<> TopicStore::remove_leftovers(const KnownSegments& known) {
  auto removed = remove_unknown(known);
  may_make_files_.store(true, std::memory_order_release);
  return removed;
}

Result<> TopicStore::remove_unknown(const KnownSegments& known) {
  const auto topics = files_.list(directory_);
  if (!topics) return topics.error();
  for (const auto& topic : *topics) {
    const auto partitions =
        is_digits(topic) ? files_.list(directory_ + "/" + topic) : std::vector<std::string>{};
    if (!partitions) return partitions.error();
    for (const auto& partition : *partitions) {
      if (!is_digits(partition)) continue;
      PartitionId id;
      parse(topic, id.topic.value);
      parse(partition, id.index);
      const auto names = known.find(id);
      const std::string path = partition_directory(directory_, id);
      const auto segments = files_.list(path);
      if (!segments) return segments.error();
      for (const auto& segment : *segments) {
        const bool is_known = names != known.end() && names->second.contains(segment);
        if (is_known || !segment.ends_with(".segment")) continue;
        if (auto removed = files_.remove(path + "/" + segment); !removed) return removed;
      }
    }
  }
  return Done{};
}

}  // namespace tandem::storage
