#include "broker/core/removals.h"

namespace tandem::core {

void count_removal(QueueCounts& counts, RemovalReason reason) {
  switch (reason) {
    case RemovalReason::acked:
      ++counts.acked;
      return;
    case RemovalReason::expired:
      ++counts.expired;
      return;
    case RemovalReason::dropped:
      ++counts.dropped;
      return;
    case RemovalReason::dead_lettered:
      ++counts.dead_lettered;
      return;
    case RemovalReason::purged:
      ++counts.purged;
      return;
    case RemovalReason::rejected:
    case RemovalReason::delivery_limit:
      ++counts.dropped;
      return;
  }
}

void Removals::add(const QueueEntry& entry, RemovalReason reason) {
  count_removal(life_.counts, reason);
  life_.release(entry, emptied_);
  if (!is_homed(entry.body)) turn_.pending().count_gone(1);
  if (open_ && open_->reason == reason && open_->seqs.last + 1 == entry.seq) {
    open_->seqs.last = entry.seq;
    open_->durable |= entry.durable;
    return;
  }
  if (open_) turn_.record(*open_);
  open_ = Removed{queue_, {entry.seq, entry.seq}, reason, entry.durable};
}

void Removals::finish() {
  if (open_) turn_.record(*open_);
  open_.reset();
  // A Get's answer may still wait for earlier turns, and its message's bytes are in the run: without this, a
  // volatile message that was got with no_ack would be forgotten before it is read.
  for (const RunId run : emptied_) turn_.say_behind_answers(DropRun{queue_, run});
  emptied_.clear();
}

}  // namespace tandem::core
