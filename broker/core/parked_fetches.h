// Long polls that wait for records, and how far each partition is visible. Session state: after a restart
// everything that was replayed is visible and nobody waits.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/core/deadlines.h"
#include "broker/core/input.h"

namespace tandem::core {

/// The newest batches of a partition: how much a reader at some offset could get.
class PartitionTail {
 public:
  explicit PartitionTail(Offset end) : visible_end_(end), known_from_(end) {}

  void appended(Offset end, std::uint32_t size_bytes);
  void set_visible_end(Offset end) { visible_end_ = end > visible_end_ ? end : visible_end_; }
  Offset visible_end() const { return visible_end_; }

  /// Bytes of the batches from the one that holds `offset` up to `limit`. Exact for the newest `batches_max`
  /// batches; for a reader further behind it is UINT64_MAX, "enough for any fetch".
  std::uint64_t available_bytes(Offset offset, Offset limit) const;

 private:
  static constexpr std::size_t batches_max = 64;
  struct Batch {
    Offset end;
    std::uint64_t bytes_before_end;  // sum of sizes since the tail is known
  };
  std::uint64_t bytes_before(Offset offset) const;

  Offset visible_end_;
  Offset known_from_;  // end of the newest batch that was forgotten
  std::uint64_t bytes_before_known_ = 0;
  std::uint64_t bytes_ = 0;
  std::vector<Batch> ring_;  // used as a ring once it is full
  std::size_t oldest_ = 0;
};

struct ParkedFetch {
  struct Wanted {
    PartitionId id;
    std::string topic;
    Offset offset = 0;
    std::uint32_t size_max_bytes = 0;
    std::uint64_t ready_bytes = 0;  // counted in the fetch's
    bool refused = false;           // its user may not read the topic; `id` is nobody's then
  };
  Caller who;
  std::vector<Wanted> partitions;
  std::uint32_t size_min_bytes = 1, size_max_bytes = 0;
  TimestampMs due = 0;
  Isolation isolation = Isolation::read_uncommitted;
  std::uint64_t ready_bytes = 0;
};

class ParkedFetches {
 public:
  // --- how far partitions are visible
  // --------------------------------------------------------------------------------
  /// A batch was appended to a partition that ended at `base`; it is not visible yet.
  void appended(PartitionId partition, Offset base, Offset end, std::uint32_t size_bytes);
  void set_visible_end(PartitionId partition, Offset end);
  /// `end` is the partition's end: a partition without appends since start is visible up to there.
  Offset visible_end(PartitionId partition, Offset end) const;
  std::uint64_t available_bytes(PartitionId partition, Offset offset, Offset limit) const;
  void forget_topic(TopicId topic, std::int32_t partitions);

  // --- fetches that wait
  // -----------------------------------------------------------------------------------------------
  std::size_t size() const { return fetches_.size(); }
  TimestampMs next_due() const { return deadlines_.next(); }
  void park(ParkedFetch fetch);
  /// Those that wait for this partition, oldest first: (fetch, index in its partitions).
  using Waiting = std::vector<std::pair<std::uint64_t, std::uint32_t>>;
  Waiting waiting(PartitionId partition) const;
  /// nullptr when it was taken meanwhile.
  ParkedFetch* find(std::uint64_t fetch);
  ParkedFetch take(std::uint64_t fetch);
  std::optional<std::uint64_t> first_due(TimestampMs now) const { return deadlines_.first_due(now); }
  void drop_connection(ConnectionId connection);
  void drop_channel(ChannelId channel);

 private:
  void drop(ChannelId first, ChannelId last);

  std::unordered_map<PartitionId, PartitionTail> tails_;
  std::map<std::uint64_t, ParkedFetch> fetches_;
  std::map<PartitionId, std::set<std::pair<std::uint64_t, std::uint32_t>>> waiting_;
  std::set<std::pair<ChannelId, std::uint64_t>> by_channel_;
  Deadlines deadlines_;
  std::uint64_t next_id_ = 1;
};

}  // namespace tandem::core
