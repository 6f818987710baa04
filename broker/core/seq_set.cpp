#include "broker/core/seq_set.h"

#include <algorithm>

namespace tandem::core {

void SeqSet::set_head(QueueSeq head) {
  if (head <= head_) return;
  head_ = head;
  absorb_into_head();
}

void SeqSet::absorb_into_head() {
  while (!ranges_.empty() && ranges_.begin()->first <= head_) {
    head_ = std::max(head_, ranges_.begin()->second + 1);
    ranges_.erase(ranges_.begin());
  }
}

void SeqSet::add(QueueSeq first, QueueSeq last) {
  first = std::max(first, head_);
  if (first > last) return;
  if (first == head_) {
    head_ = last + 1;
    absorb_into_head();
    return;
  }
  auto next = ranges_.upper_bound(first);
  auto range = ranges_.end();
  if (next != ranges_.begin()) {
    auto before = std::prev(next);
    if (before->second + 1 >= first) range = before;
  }
  if (range == ranges_.end())
    range = ranges_.emplace_hint(next, first, last);
  else
    range->second = std::max(range->second, last);
  while (next != ranges_.end() && next->first <= range->second + 1) {
    range->second = std::max(range->second, next->second);
    next = ranges_.erase(next);
  }
}

bool SeqSet::contains(QueueSeq seq) const {
  if (seq < head_) return true;
  auto next = ranges_.upper_bound(seq);
  return next != ranges_.begin() && std::prev(next)->second >= seq;
}

std::uint64_t SeqSet::count(QueueSeq first, QueueSeq last) const {
  if (first > last) return 0;
  std::uint64_t count = first < head_ ? std::min(last + 1, head_) - first : 0;
  auto range = ranges_.upper_bound(first);
  if (range != ranges_.begin()) --range;
  for (; range != ranges_.end() && range->first <= last; ++range) {
    const QueueSeq from = std::max(range->first, first), to = std::min(range->second, last);
    if (from <= to) count += to - from + 1;
  }
  return count;
}

std::vector<SeqRange> SeqSet::ranges() const {
  std::vector<SeqRange> ranges;
  ranges.reserve(ranges_.size());
  for (const auto& [first, last] : ranges_) ranges.push_back({first, last});
  return ranges;
}

}  // namespace tandem::core
