// The seqs of a queue that are gone: everything below head() and the ranges above it. Acks in order only move
// the head; acks out of order cost one range per gap.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "broker/core/vocabulary.h"

namespace tandem::core {

class SeqSet {
 public:
  /// Everything below is in the set.
  QueueSeq head() const { return head_; }
  void set_head(QueueSeq head);

  void add(QueueSeq first, QueueSeq last);
  bool contains(QueueSeq seq) const;
  bool contains_all(QueueSeq first, QueueSeq last) const { return count(first, last) == last - first + 1; }
  /// How many of first..last (both included) are in the set.
  std::uint64_t count(QueueSeq first, QueueSeq last) const;

  /// At or above head, ascending, not touching each other.
  std::vector<SeqRange> ranges() const;

 private:
  void absorb_into_head();

  QueueSeq head_ = 1;
  std::map<QueueSeq, QueueSeq> ranges_;  // first → last, all above head
};

}  // namespace tandem::core
