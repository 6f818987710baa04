#include "broker/core/unsettled_ring.h"

#include <utility>

namespace tandem::core {

std::size_t UnsettledRing::index_from(DeliveryTag tag) const {
  if (ring_.empty() || tag <= ring_.front().tag) return 0;
  const DeliveryTag guess = tag - ring_.front().tag;
  if (guess < ring_.size() && ring_[guess].tag == tag) return guess;
  return ring_.partition_point([tag](const Unsettled& delivery) { return delivery.tag < tag; });
}

bool UnsettledRing::has(DeliveryTag tag) const {
  const std::size_t index = index_from(tag);
  return index < ring_.size() && ring_[index].tag == tag && is_open(ring_[index]);
}

void UnsettledRing::claim(const Claim& claim) {
  if (claim.outcome == Outcome::requeue && claims_.empty()) {
    returning_.add(claim.first, claim.last);
  } else if (claim.outcome == Outcome::requeue) {
    for (std::size_t i = index_from(claim.first); i < ring_.size() && std::as_const(ring_)[i].tag <= claim.last; ++i)
      if (const DeliveryTag tag = std::as_const(ring_)[i].tag; !is_claimed(tag)) returning_.add(tag, tag);
  }
  claims_.push_back(claim);
  claimed_.add(claim.first, claim.last);
}

Claim UnsettledRing::end_claim() {
  const Claim ended = claims_.pop_front();
  if (claims_.empty()) claimed_ = returning_ = {};
  return ended;
}

void UnsettledRing::tidy() {
  while (!ring_.empty() && ring_.front().settled) ring_.pop_front();
  constexpr std::size_t small = 64;
  if (ring_.size() > small && count_ < ring_.size() / 2)
    ring_.keep_if([](const Unsettled& delivery) { return !delivery.settled; });
}

}  // namespace tandem::core
