// What one channel was given and has not settled.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "broker/base/block_ring.h"
#include "broker/base/ring.h"
#include "broker/core/input.h"
#include "broker/core/seq_set.h"
#include "broker/core/unsettled.h"

namespace tandem::core {

/// Deliveries with these tags that are settled for their client, and piece by piece for their queues (settling.h).
struct Claim {
  DeliveryTag first = 0, last = 0;
  Outcome outcome = Outcome::ack;
  std::optional<Caller> who = std::nullopt;  // is told Ok in the end, if its channel is still there
};

/// Unsettled deliveries by tag. Settled ones are dropped from the front, and everywhere once they are the
/// majority, so one delivery that is never settled does not hold what comes after it.
class UnsettledRing {
 public:
  void push(const Unsettled& delivery) {
    ring_.push_back(delivery);
    ++count_;
  }
  /// Whether the client has an outstanding delivery with this tag.
  bool has(DeliveryTag tag) const;
  /// Whether its client may still settle it.
  bool is_open(const Unsettled& delivery) const { return !delivery.settled && !is_claimed(delivery.tag); }
  /// Index of the first delivery with a tag ≥ `tag`, settled or not.
  std::size_t index_from(DeliveryTag tag) const;
  void settle(std::size_t index) {
    change(index).settled = true;
    --count_;
  }
  /// After a number of settle(): gives room back. Invalidates places and pointers.
  void tidy();
  /// Outstanding ones.
  std::size_t count() const { return count_; }
  /// Places, settled ones too.
  std::size_t size() const { return ring_.size(); }
  const Unsettled& operator[](std::size_t index) const { return ring_[index]; }
  /// To be written: what a checkpoint was lent stays as it was.
  Unsettled& change(std::size_t index) { return ring_.change(index); }

  /// For a checkpoint that begins: those whose bytes may lie in the journal, with others. All that is here now is home when it is done.
  void lend(std::vector<LentItems<Unsettled>>& out) {
    ring_.lend(out, first_unhomed());
    lent_before_ = ring_.empty() ? homed_before_ : ring_[ring_.size() - 1].tag + 1;
  }
  void checkpoint_done() { homed_before_ = lent_before_; }
  /// Place of the first whose bytes may lie in the journal.
  std::size_t first_unhomed() const { return index_from(homed_before_); }

  /// Claims are carried out in their order; a later one means none of those that an earlier one does.
  void claim(const Claim& claim);
  /// It is given back by a claim: QueueLife::returning.
  bool returns(const Unsettled& delivery) const { return has_claims() && returning_.contains(delivery.tag); }
  bool has_claims() const { return !claims_.empty(); }
  Claim& first_claim() { return claims_.front(); }
  /// The first one is carried out.
  Claim end_claim();

 private:
  bool is_claimed(DeliveryTag tag) const { return !claims_.empty() && claimed_.contains(tag); }

  BlockRing<Unsettled> ring_;
  Ring<Claim> claims_;
  SeqSet claimed_, returning_;  // tags of all claims since there was none; those that are given back
  std::size_t count_ = 0;
  DeliveryTag lent_before_ = 0, homed_before_ = 0;
};

}  // namespace tandem::core
