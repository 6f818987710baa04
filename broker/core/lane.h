// The messages of one priority of a queue that are ready to be handed out, in order of seq: those in RAM, and
// the spans that are only in the backlog file ("cold"). What is handed out leaves the lane; what comes back
// is put in order.
//
//   requeued  <  loaded  <  cold spans  <  tail        (seqs; any of them may be empty)
//
// Messages leave from the front only, so everything that was ever taken has a lower seq than what was never
// taken.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "broker/base/block_ring.h"
#include "broker/base/limits.h"
#include "broker/base/ordered_blocks.h"
#include "broker/core/vocabulary.h"

namespace tandem::core {

/// The top bits of a handle say where the bytes are (ids.h).
inline bool is_homed(BodyHandle body) {
  return body.value >> 62 != 0;
}

/// A run in the backlog with messages of this lane that are not gone. Small, since 10,000 queues that fill side by side have a
/// million of them.
struct Run {
  RunId id;
  QueueSeq first = 0, last = 0;
  std::uint32_t size_bytes = 0;
  std::uint16_t count = 0;  // messages in the file
  std::uint16_t alive = 0;  // of them, not gone; after a restart with several priorities an upper bound
};
Run make_run(RunId id, SeqRange seqs, std::uint64_t size_bytes, std::uint32_t count, std::uint32_t alive);
static_assert(limits::run_entries_max <= 0xFFFF && limits::message_size_max_bytes <= 0xFFFF'FFFF);

/// Part of a run, first..last, that is ready but not in RAM.
struct ColdSpan {
  RunId run;
  QueueSeq first = 0, last = 0;
  std::uint32_t size_bytes = 0;
  std::uint16_t count = 0;
  bool from_restart = false;  // has messages that are gone or were volatile: the loaded entries must be sifted
};

class Lane {
 public:
  using Entries = BlockRing<QueueEntry>;

  // --- the order
  // ---------------------------------------------------------------------------------------------------
  /// The next message when it is in RAM; nullptr when the lane is empty or its front is cold.
  const QueueEntry* front() const;
  /// True when the next message is not in RAM.
  bool front_is_cold() const { return requeued_.empty() && loaded_.empty() && has_cold(); }
  /// Only when front() is not nullptr.
  QueueEntry pop_front();
  void push_back(const QueueEntry& entry) { tail_.push_back(entry); }
  /// The message that was pushed last.
  QueueEntry pop_back() { return tail_.pop_back(); }
  /// Those that come back together come in order.
  void put_back(const QueueEntry& entry) { requeued_.insert(entry); }
  bool empty() const { return requeued_.empty() && loaded_.empty() && cold_.empty() && tail_.empty(); }
  /// Entries in RAM, and those of them that can be handed out before a cold span is met.
  std::size_t resident() const { return requeued_.size() + loaded_.size() + tail_.size(); }
  std::size_t resident_at_front() const {
    return requeued_.size() + loaded_.size() + (cold_.empty() ? tail_.size() : 0);
  }
  /// Puts what is in RAM before any cold span and below `end` to what was handed out before, where take_held() finds it
  /// by seq; calls each(entry). For queues whose messages leave in an order of their own.
  template <class Each>
  void hold_front(QueueSeq end, Each each) {
    const auto hold = [&](Entries& entries) {
      while (!entries.empty() && entries.front().seq < end) {
        const QueueEntry entry = entries.pop_front();
        each(entry);
        put_back(entry);
      }
    };
    hold(loaded_);
    if (cold_.empty()) hold(tail_);
  }
  /// nullopt when it is not there.
  std::optional<QueueEntry> take_held(QueueSeq seq) { return requeued_.take(seq); }
  /// Forgets all messages; runs() stays.
  void clear();

  // --- runs and cold spans
  // ---------------------------------------------------------------------------------------------
  Ring<Run>& runs() { return runs_; }
  const Ring<Run>& runs() const { return runs_; }
  /// The run that covers `seq`, or nullptr.
  Run* find_run(QueueSeq seq);
  const Run* find_run(QueueSeq seq) const { return const_cast<Lane*>(this)->find_run(seq); }
  bool has_cold() const { return !cold_.empty(); }
  /// What is cold, or may still become so, has this seq or greater ones; the greatest seq there is: nothing is.
  QueueSeq first_that_may_be_cold() const {
    const QueueSeq cold = cold_.empty() ? ~QueueSeq{0} : cold_.front().first;
    return tail_.empty() ? cold : std::min(cold, tail_.front().seq);
  }
  /// Only when there is one.
  ColdSpan first_cold() const;
  /// Only at start-up: the whole run is cold, and has messages that are gone.
  void push_cold(const Run& run, std::uint32_t size_bytes);
  /// The first cold span's entries are in RAM now, or lost.
  ColdSpan pop_cold();
  void push_loaded(const QueueEntry& entry) { loaded_.push_back(entry); }
  struct Dropped {
    std::uint64_t count = 0, size_bytes = 0;
  };
  /// Drops the next run of homed entries that are not among the first `keep` from RAM; none: there is none.
  Dropped drop_homed_run(std::size_t keep);
  /// The bytes of these entries are at new places. `moved`: ascending by seq. Returns how many are in RAM
  /// here.
  std::uint32_t move_bodies(std::span<const std::pair<QueueSeq, BodyHandle>> moved);

  // --- for apply and start-up
  // ------------------------------------------------------------------------------------------
  /// Calls visit(entry) for those in RAM with seqs from `first` to before `end`.
  template <class Visit>
  void for_each_from(QueueSeq first, QueueSeq end, Visit visit) {
    requeued_.change_from(first, [&](QueueEntry& entry) {
      if (entry.seq < end) visit(entry);
      return entry.seq < end;
    });
    for (Entries* entries : {&loaded_, &tail_})
      for (std::size_t i = index_from(*entries, first); i < entries->size() && (*entries)[i].seq < end; ++i)
        visit(entries->change(i));
  }
  /// Drops entries below `head` from the tail's front.
  void drop_below(QueueSeq head) {
    while (!tail_.empty() && tail_.front().seq < head) tail_.pop_front();
  }
  template <class Keep>
  void keep_tail_if(Keep keep) {
    tail_.keep_if(keep);
  }
  /// Calls visit(entry) for all in RAM, ascending.
  template <class Visit>
  void for_each_resident(Visit visit) const {
    requeued_.for_each(visit);
    for (std::size_t i = 0; i < loaded_.size(); ++i) visit(loaded_[i]);
    for (std::size_t i = 0; i < tail_.size(); ++i) visit(tail_[i]);
  }
  /// Appends the same to `out` (BlockRing::lend).
  void lend(std::vector<LentItems<QueueEntry>>& out) const {
    requeued_.lend(out);
    loaded_.lend(out);
    tail_.lend(out);
  }
  /// Lent at a checkpoint, not copied: it fills more than a block.
  bool is_long() const { return resident() > Entries::block_items; }
  /// The same as for_each_resident(), but stops before the first cold span.
  template <class Visit>
  void for_each_at_front(Visit visit) const {
    requeued_.for_each(visit);
    for (std::size_t i = 0; i < loaded_.size(); ++i) visit(loaded_[i]);
    for (std::size_t i = 0; cold_.empty() && i < tail_.size(); ++i) visit(tail_[i]);
  }

  RunId loading;  // a LoadRun for it is outstanding; 0 = none

 private:
  static std::size_t index_from(const Entries& entries, QueueSeq seq) {
    return entries.partition_point([seq](const QueueEntry& entry) { return entry.seq < seq; });
  }

  struct SeqOf {
    QueueSeq operator()(const QueueEntry& entry) const { return entry.seq; }
  };
  /// From `first` to the end of its run. It holds messages that are not gone, so its run is in runs_.
  struct Cold {
    QueueSeq first = 0;
    std::uint32_t size_bytes = 0;
    std::uint16_t count = 0;
    bool from_restart = false;
  };

  OrderedBlocks<QueueEntry, SeqOf> requeued_;
  Entries loaded_;
  Ring<Cold> cold_;
  Entries tail_;
  Ring<Run> runs_;  // ascending, not overlapping
};

}  // namespace tandem::core
