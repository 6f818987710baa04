// The keys of the checkpoint in LMDB (docs/disk_format.md, "Checkpoint"): one letter, then ids in big endian
// so that they sort. Values are records as record_codec writes them, unless said otherwise.
//
//   M                          where the checkpoint stands (CheckpointMark)
//   C                          Counters
//   E exchange                 ExchangeDeclared        Q queue                 QueueDeclared
//   T topic                    TopicCreated            B binding               Bound
//   q queue                    QueueState              z run                   RunHomed
//   p topic partition          PartitionState          o topic partition group OffsetCommitted
//   g group                    GroupGeneration         x transactional id      ProducerChanged
//   m group                    GroupStable
//   P policy                   PolicySet              U user                  UserDeclared
//   s topic partition base     TopicSegmentFacts       i topic partition base offset   index entries
//
// Runs sort by their age and behind everything else: a checkpoint that writes one run for each of 10,000 queues appends to the
// last pages, where by queue it would change a page for each.
// A group or transactional id ends its key; since keys must not begin other keys, it has its length in front.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "broker/base/ids.h"
#include "broker/core/record.h"
#include "broker/storage/journal_reader.h"
#include "schemas/result.h"

namespace tandem::storage {

/// Changes with every change that an older broker cannot read. Written by a newer one: not_supported.
inline constexpr std::uint32_t checkpoint_format_version = 8;

/// Where a checkpoint stands in the journal, and whether the store was closed in order.
struct CheckpointMark {
  JournalPosition journal;
  TurnNumber turn = 0;
  bool clean = false;
  friend bool operator==(const CheckpointMark& a, const CheckpointMark& b) {
    return a.journal.position == b.journal.position && a.journal.epoch == b.journal.epoch &&
           a.turn == b.turn && a.clean == b.clean;
  }
};
std::string encode_mark(const CheckpointMark& mark);
/// Errors: corrupt, not_supported (a newer format version, which the text names).
Result<CheckpointMark> decode_mark(std::string_view encoded);

namespace keys {

inline constexpr std::string_view mark = "M";

std::string exchange(ExchangeId id);
std::string queue(QueueId id);
std::string policy(std::string_view name);
std::string user(std::string_view name);
std::string topic(TopicId id);
std::string binding(BindingId id);
std::string queue_state(QueueId id);
std::string run(RunId id);
/// Where format 5 and older kept it: "r", queue, run.
inline constexpr std::string_view old_runs = "r";
std::string old_run(QueueId queue, RunId id);
std::string partition(PartitionId id);
std::string partitions_of(TopicId id);
std::string offset(PartitionId partition, std::string_view group);
std::string offsets_of(TopicId id);
/// Of one group, in an erasure: `offset_prefix`, then offset_between_bytes, then this.
std::string group_suffix(std::string_view group);
inline constexpr std::string_view offset_prefix = "o";
inline constexpr std::size_t offset_between_bytes = 8;
std::string group(std::string_view group);
std::string members(std::string_view group);
std::string transactional_id(std::string_view id);
std::string segment(PartitionId partition, Offset base);
std::string segments_of(TopicId id);
std::string index(PartitionId partition, Offset base, Offset first);
std::string indexes_of(PartitionId partition, Offset base);
std::string indexes_of(TopicId id);

/// The key under which the record's newest version is kept; nullopt when it is not kept by key.
std::optional<std::string> of(const core::Record& record);

/// Ids out of a key of segment() or index().
struct SegmentKey {
  PartitionId partition;
  Offset base = 0;
};
std::optional<SegmentKey> parse_segment(std::string_view key);

}  // namespace keys
}  // namespace tandem::storage
