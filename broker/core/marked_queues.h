// Queues that are to be looked at before the current call ends, or in the next ones: in the order they were marked, but those whose
// messages somebody waits for before the others. A publish to 5,000 queues that have a limit marks 5,000 of which nobody waits.
#pragma once

#include "broker/base/ids.h"
#include "broker/base/ring.h"

namespace tandem::core {

enum class Mark : std::uint8_t { none, unawaited, awaited };

class MarkedQueues {
 public:
  /// `mark` is the queue's own (QueueLife::mark).
  void add(QueueId queue, Mark& mark, bool is_awaited) {
    const Mark wanted = is_awaited ? Mark::awaited : Mark::unawaited;
    if (mark >= wanted) return;
    mark = wanted;
    (is_awaited ? awaited_ : unawaited_).push_back(queue);
  }
  bool empty() const { return awaited_.empty() && unawaited_.empty(); }
  bool has_unawaited() const { return !unawaited_.empty(); }

  /// The next one of that kind, which is marked no more; 0: there is none. `mark_of(queue)`: nullptr when there is no such queue.
  template <class MarkOf>
  QueueId take(Mark kind, MarkOf mark_of) {
    Ring<QueueId>& queues = kind == Mark::awaited ? awaited_ : unawaited_;
    while (!queues.empty()) {
      const QueueId queue = queues.pop_front();
      Mark* mark = mark_of(queue);
      // Another mark: somebody came to wait for it since, so that it is in the other ring, or has been looked at.
      if (!mark || *mark != kind) continue;
      *mark = Mark::none;
      return queue;
    }
    return {};
  }

 private:
  Ring<QueueId> awaited_, unawaited_;
};

}  // namespace tandem::core
