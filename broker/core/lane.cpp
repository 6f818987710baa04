#include "broker/core/lane.h"

#include <algorithm>

namespace tandem::core {

Run make_run(RunId id, SeqRange seqs, std::uint64_t size_bytes, std::uint32_t count, std::uint32_t alive) {
  const auto narrow = [](std::uint32_t of) { return static_cast<std::uint16_t>(std::min<std::uint32_t>(of, 0xFFFF)); };
  return {id, seqs.first, seqs.last, static_cast<std::uint32_t>(size_bytes), narrow(count), narrow(alive)};
}

const QueueEntry* Lane::front() const {
  if (!requeued_.empty()) return &requeued_.front();
  if (!loaded_.empty()) return &loaded_.front();
  if (cold_.empty() && !tail_.empty()) return &tail_.front();
  return nullptr;
}

QueueEntry Lane::pop_front() {
  if (!requeued_.empty()) return requeued_.pop_front();
  if (!loaded_.empty()) return loaded_.pop_front();
  CHECK(cold_.empty());
  return tail_.pop_front();
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

ColdSpan Lane::first_cold() const {
  const Cold& cold = cold_.front();
  const Run* run = find_run(cold.first);
  CHECK(run != nullptr);
  return {run->id, cold.first, run->last, cold.size_bytes, cold.count, cold.from_restart};
}

void Lane::push_cold(const Run& run, std::uint32_t size_bytes) {
  cold_.push_back({run.first, size_bytes, run.alive, true});
}

ColdSpan Lane::pop_cold() {
  const ColdSpan span = first_cold();
  cold_.pop_front();
  return span;
}

Lane::Dropped Lane::drop_homed_run(std::size_t keep) {
  if (cold_.empty())
    while (loaded_.size() < keep && !tail_.empty()) loaded_.push_back(tail_.pop_front());
  if (tail_.empty() || !is_homed(tail_.front().body)) return {};
  const Run* run = find_run(tail_.front().seq);
  if (!run) return {};
  Cold cold{tail_.front().seq, 0, 0, false};
  while (!tail_.empty() && tail_.front().seq <= run->last) {
    cold.size_bytes += tail_.pop_front().size_bytes;
    ++cold.count;
  }
  cold_.push_back(cold);
  return {cold.count, cold.size_bytes};
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
  requeued_.change_from(moved.front().first, [&](QueueEntry& entry) {
    move(entry);
    return next != moved.end();
  });
  for (Entries* entries : {&loaded_, &tail_})
    for (std::size_t i = index_from(*entries, moved.front().first);
         i < entries->size() && next != moved.end(); ++i)
      move(entries->change(i));
  return count;
}

}  // namespace tandem::core
