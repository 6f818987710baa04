#include "broker/core/parked_fetches.h"

#include <algorithm>
#include <limits>

#include "broker/base/check.h"

namespace tandem::core {

void PartitionTail::appended(Offset end, std::uint32_t size_bytes) {
  bytes_ += size_bytes;
  if (ring_.size() < batches_max) {
    ring_.push_back({end, bytes_});
    return;
  }
  Batch& reused = ring_[oldest_];
  known_from_ = reused.end;
  bytes_before_known_ = reused.bytes_before_end;
  reused = {end, bytes_};
  oldest_ = (oldest_ + 1) % batches_max;
}

/// Bytes of all known batches that end at or below `offset`.
std::uint64_t PartitionTail::bytes_before(Offset offset) const {
  for (std::size_t age = 1; age <= ring_.size(); ++age) {  // newest first: readers are near the end
    const Batch& batch = ring_[(oldest_ + ring_.size() - age) % ring_.size()];
    if (batch.end <= offset) return batch.bytes_before_end;
  }
  return bytes_before_known_;
}

std::uint64_t PartitionTail::available_bytes(Offset offset, Offset limit) const {
  if (offset >= limit) return 0;
  if (offset < known_from_) return std::numeric_limits<std::uint64_t>::max();
  return bytes_before(limit) - bytes_before(offset);
}

void ParkedFetches::appended(PartitionId partition, Offset base, Offset end, std::uint32_t size_bytes) {
  tails_.try_emplace(partition, base).first->second.appended(end, size_bytes);
}

void ParkedFetches::set_visible_end(PartitionId partition, Offset end) {
  const auto it = tails_.find(partition);
  if (it != tails_.end()) it->second.set_visible_end(end);
}

Offset ParkedFetches::visible_end(PartitionId partition, Offset end) const {
  const auto it = tails_.find(partition);
  return it == tails_.end() ? end : it->second.visible_end();
}

std::uint64_t ParkedFetches::available_bytes(PartitionId partition, Offset offset, Offset limit) const {
  const auto it = tails_.find(partition);
  if (it != tails_.end()) return it->second.available_bytes(offset, limit);
  return offset < limit ? std::numeric_limits<std::uint64_t>::max() : 0;
}

void ParkedFetches::forget_topic(TopicId topic, std::int32_t partitions) {
  for (std::int32_t index = 0; index < partitions; ++index) tails_.erase(PartitionId{topic, index});
}

void ParkedFetches::park(ParkedFetch fetch) {
  const std::uint64_t id = next_id_++;
  for (std::uint32_t index = 0; index < fetch.partitions.size(); ++index)
    waiting_[fetch.partitions[index].id].emplace(id, index);
  by_channel_.emplace(fetch.who.channel, id);
  deadlines_.set(id, fetch.due);
  fetches_.emplace(id, std::move(fetch));
}

ParkedFetches::Waiting ParkedFetches::waiting(PartitionId partition) const {
  const auto it = waiting_.find(partition);
  return it == waiting_.end() ? Waiting{} : Waiting(it->second.begin(), it->second.end());
}

ParkedFetch* ParkedFetches::find(std::uint64_t fetch) {
  const auto it = fetches_.find(fetch);
  return it == fetches_.end() ? nullptr : &it->second;
}

ParkedFetch ParkedFetches::take(std::uint64_t id) {
  auto node = fetches_.extract(id);
  CHECK(!node.empty());
  ParkedFetch fetch = std::move(node.mapped());
  for (std::uint32_t index = 0; index < fetch.partitions.size(); ++index) {
    const auto it = waiting_.find(fetch.partitions[index].id);
    it->second.erase({id, index});
    if (it->second.empty()) waiting_.erase(it);
  }
  by_channel_.erase({fetch.who.channel, id});
  deadlines_.clear(id);
  return fetch;
}

void ParkedFetches::drop(ChannelId first, ChannelId last) {
  auto it = by_channel_.lower_bound({first, 0});
  while (it != by_channel_.end() && it->first <= last) {
    const std::uint64_t id = it->second;
    ++it;
    take(id);
  }
}

void ParkedFetches::drop_connection(ConnectionId connection) {
  drop({connection, 0}, {connection, std::numeric_limits<std::uint16_t>::max()});
}

void ParkedFetches::drop_channel(ChannelId channel) {
  drop(channel, channel);
}

}  // namespace tandem::core
