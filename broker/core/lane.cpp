#include "broker/core/lane.h"

#include <algorithm>

namespace tandem::core {

const QueueEntry* Lane::front() const {
  if (!requeued_.empty()) return &requeued_.begin()->second;
  if (!loaded_.empty()) return &loaded_.front();
  if (cold_.empty() && !tail_.empty()) return &tail_.front();
  return nullptr;
}

QueueEntry Lane::pop_front() {
  if (!requeued_.empty()) {
    const QueueEntry entry = requeued_.begin()->second;
    requeued_.erase(requeued_.begin());
    return entry;
  }
  if (!loaded_.empty()) return loaded_.pop_front();
  CHECK(cold_.empty());
  return tail_.pop_front();
}

std::optional<QueueEntry> Lane::take_held(QueueSeq seq) {
  const auto held = requeued_.find(seq);
  if (held == requeued_.end()) return std::nullopt;
  const QueueEntry entry = held->second;
  requeued_.erase(held);
  return entry;
}

void Lane::clear() {
  requeued_.clear();
  loaded_.clear();
  cold_.clear();
  tail_.clear();
}

Run* Lane::find_run(QueueSeq seq) {
  const std::size_t index = runs_.partition_point([seq](const Run& run) { return run.last < seq; });
  return index < runs_.size() && runs_[index].first <= seq ? &runs_[index] : nullptr;
}

std::size_t Lane::drop_homed(std::size_t keep) {
  if (cold_.empty())
    while (loaded_.size() < keep && !tail_.empty()) loaded_.push_back(tail_.pop_front());
  std::size_t dropped = 0;
  while (!tail_.empty() && is_homed(tail_.front().body)) {
    const Run* run = find_run(tail_.front().seq);
    if (!run) break;
    ColdSpan span{run->id, tail_.front().seq, run->last, 0, 0, false};
    while (!tail_.empty() && tail_.front().seq <= span.last) {
      span.size_bytes += tail_.pop_front().size_bytes;
      ++span.count;
    }
    dropped += span.count;
    cold_.push_back(span);
  }
  loaded_.shrink();
  tail_.shrink();
  return dropped;
}

std::uint32_t Lane::move_bodies(std::span<const std::pair<QueueSeq, BodyHandle>> moved) {
  if (moved.empty()) return 0;
  std::uint32_t count = 0;
  auto next = moved.begin();
  const auto move = [&](QueueEntry& entry) {
    while (next != moved.end() && next->first < entry.seq) ++next;
    if (next == moved.end() || next->first != entry.seq) return;
    entry.body = next->second;
    ++count;
  };
  // In the order of seqs: requeued, loaded, tail.
  for (auto it = requeued_.lower_bound(moved.front().first); it != requeued_.end() && next != moved.end();
       ++it)
    move(it->second);
  for (Ring<QueueEntry>* entries : {&loaded_, &tail_})
    for (std::size_t i = index_from(*entries, moved.front().first);
         i < entries->size() && next != moved.end(); ++i)
      move((*entries)[i]);
  return count;
}

}  // namespace tandem::core
