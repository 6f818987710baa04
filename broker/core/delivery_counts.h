// How often messages of a queue were delivered, of those that came back, by seq. Those that come back together have one count, and
// cost one entry.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "broker/core/vocabulary.h"

namespace tandem::core {

class DeliveryCounts {
 public:
  using Counts = std::vector<std::pair<QueueSeq, std::uint16_t>>;

  bool empty() const { return spans_.empty(); }
  /// Of first..last, both included, whatever was known of them.
  void set(QueueSeq first, QueueSeq last, std::uint16_t count);
  void forget(QueueSeq first, QueueSeq last);
  /// 0: none is known.
  std::uint16_t at(QueueSeq seq) const;
  /// One more for all up to `last`; none is larger than 65,535.
  void raise_through(QueueSeq last);

  /// Ascending.
  Counts all() const;
  void assign(const Counts& counts);

 private:
  struct Span {
    QueueSeq last = 0;
    std::uint16_t count = 0;
  };
  using Spans = std::map<QueueSeq, Span>;  // by their first

  Spans::iterator split_at(QueueSeq seq);

  Spans spans_;  // not overlapping
};

}  // namespace tandem::core
