#include "broker/core/delivery_counts.h"

#include <iterator>

namespace tandem::core {

/// The first span that is not below `seq`; none reaches over it.
DeliveryCounts::Spans::iterator DeliveryCounts::split_at(QueueSeq seq) {
  const auto after = spans_.lower_bound(seq);
  if (after == spans_.begin()) return after;
  const auto before = std::prev(after);
  if (before->second.last < seq) return after;
  const Span upper = before->second;
  before->second.last = seq - 1;
  return spans_.emplace_hint(after, seq, upper);
}

void DeliveryCounts::forget(QueueSeq first, QueueSeq last) {
  if (spans_.empty()) return;
  const auto from = split_at(first);
  spans_.erase(from, split_at(last + 1));
}

void DeliveryCounts::set(QueueSeq first, QueueSeq last, std::uint16_t count) {
  forget(first, last);
  const auto after = spans_.lower_bound(first);
  if (after != spans_.begin()) {
    Span& before = std::prev(after)->second;
    if (before.last + 1 == first && before.count == count) {  // they came back in pieces
      before.last = last;
      return;
    }
  }
  spans_.emplace_hint(after, first, Span{last, count});
}

std::uint16_t DeliveryCounts::at(QueueSeq seq) const {
  const auto after = spans_.upper_bound(seq);
  if (after == spans_.begin()) return 0;
  const Span& span = std::prev(after)->second;
  return seq <= span.last ? span.count : 0;
}

void DeliveryCounts::raise_through(QueueSeq last) {
  const auto end = split_at(last + 1);
  for (auto span = spans_.begin(); span != end; ++span)
    if (span->second.count < 0xFFFF) ++span->second.count;
}

DeliveryCounts::Counts DeliveryCounts::all() const {
  std::size_t size = 0;
  for (const auto& [first, span] : spans_) size += span.last - first + 1;
  Counts counts;
  counts.reserve(size);
  for (const auto& [first, span] : spans_)
    for (QueueSeq seq = first; seq <= span.last; ++seq) counts.emplace_back(seq, span.count);
  return counts;
}

void DeliveryCounts::assign(const Counts& counts) {
  spans_.clear();
  for (const auto& [seq, count] : counts) set(seq, seq, count);
}

}  // namespace tandem::core
