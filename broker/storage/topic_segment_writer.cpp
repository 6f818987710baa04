#include "broker/storage/topic_segment_writer.h"

#include <algorithm>
#include <utility>

namespace tandem::storage {

TopicSegmentWriter::TopicSegmentWriter(FileSystem& files, std::string directory, TopicSegmentLimits limits,
                                       std::optional<TopicSegmentFacts> active, TopicSegmentKind kind)
    : limits_(limits),
      kind_(kind),
      active_(active),
      file_(files, std::move(directory), !active && kind.generation == 0) {}

Result<> TopicSegmentWriter::append(Bytes batch, Offset base, Offset last, TimestampMs max_timestamp) {
  const TopicSegmentFacts* active = growths_.empty() ? (active_ ? &*active_ : nullptr) : &growths_.back().facts;
  if (active == nullptr || must_roll(*active, limits_, batch.size(), max_timestamp)) {
    const TopicSegmentFacts fresh{
        .base = base, .end = base, .generation = kind_.generation, .compacted = kind_.compacted};
    if (auto entered = enter(fresh); !entered) return entered;
  } else if (growths_.empty()) {
    if (auto entered = enter(*active); !entered) return entered;
  }
  growths_.back().add(batch.size(), base, last, max_timestamp);
  return file_.append(batch);
}

Result<> TopicSegmentWriter::enter(TopicSegmentFacts facts) {
  growths_.push_back({facts, {}});
  return file_.enter(segment_file_name(facts.base, facts.generation), facts.size_bytes);
}

void TopicSegmentWriter::note_delete_horizon(TimestampMs horizon) {
  TimestampMs& earliest = growths_.back().facts.delete_horizon;
  earliest = earliest < 0 ? horizon : std::min(earliest, horizon);
}

}  // namespace tandem::storage
