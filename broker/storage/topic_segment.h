// A segment file: record batches v2 of one partition, one behind the other, named by its first offset. Between
// its batches, and between segments, offsets may be missing once it is compacted. What the checkpoint knows of it (facts and sparse index) is in LMDB, so a start reads no segment. Bytes behind
// facts.size_bytes are leftovers of a crash and are written over.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/base/ids.h"
#include "schemas/message.h"
#include "schemas/result.h"

namespace tandem::storage {

/// One index entry per this many bytes: a read starts at most this far before what it looks for.
inline constexpr std::uint64_t topic_index_interval_bytes = 32u << 10;

struct TopicSegmentFacts {
  Offset base = 0;  // first offset
  Offset end = 0;   // behind the last
  std::uint64_t size_bytes = 0;
  TimestampMs first_timestamp = -1;  // max_timestamp of its first batch
  TimestampMs max_timestamp = -1;
  std::uint64_t generation = 0;     // part of the file's name; compaction writes files of the next one
  bool compacted = false;           // and so is everything before it
  TimestampMs delete_horizon = -1;  // from then on compaction finds something to delete in it; -1 = never
  friend bool operator==(const TopicSegmentFacts&, const TopicSegmentFacts&) = default;
};

/// The batch at `position` begins with `offset`; the largest timestamp up to the next entry is
/// `max_timestamp`.
struct TopicIndexEntry {
  Offset offset = 0;
  std::uint64_t position = 0;
  TimestampMs max_timestamp = -1;
  friend bool operator==(const TopicIndexEntry&, const TopicIndexEntry&) = default;
};

struct TopicSegment {
  TopicSegmentFacts facts;
  std::vector<TopicIndexEntry> index;  // ascending; the first is at position 0

  /// Where to start reading for `offset`: the last entry at or below it.
  const TopicIndexEntry& index_entry_for(Offset offset) const;
};

/// What came to a partition at once, by a checkpoint or a commit group: a new segment, or the growth of its last one.
struct TopicSegmentGrowth {
  TopicSegmentFacts facts;             // with all of it
  std::vector<TopicIndexEntry> index;  // added entries; the first batch has one, so that those of before never change

  /// The next batch at the segment's end.
  void add(std::size_t size_bytes, Offset base, Offset last, TimestampMs max_timestamp);
};

struct TopicSegmentLimits {
  std::uint64_t size_max_bytes = std::uint64_t{1} << 30;  // segment.bytes
  DurationMs age_max_ms = 604'800'000;  // segment.ms, between timestamps of batches; < 0 = any
};
/// Whether so much more, of this age, belongs into a new segment.
bool must_roll(const TopicSegmentFacts& active, const TopicSegmentLimits& limits, std::uint64_t size_bytes,
               TimestampMs max_timestamp);

/// topics/<topic>/<partition> below the store's directory.
std::string partition_directory(const std::string& topics_directory, PartitionId partition);
/// <base, 20 digits>.segment, or <base>-<generation>.segment
std::string segment_file_name(Offset base, std::uint64_t generation);

std::string encode_segment_facts(const TopicSegmentFacts& facts);
Result<TopicSegmentFacts> decode_segment_facts(std::string_view encoded);
std::string encode_index(const std::vector<TopicIndexEntry>& entries);
/// Appends to `entries`.
Result<> decode_index(std::string_view encoded, std::vector<TopicIndexEntry>& entries);

}  // namespace tandem::storage
