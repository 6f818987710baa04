#include "broker/core/returns.h"

#include <algorithm>
#include <limits>

#include "broker/core/dead_letter.h"

namespace tandem::core {

void Returns::add(QueueEntry entry) {
  entry.deliveries = static_cast<std::uint16_t>(std::min(entry.deliveries + 1, 0xFFFF));
  if (queue_.options.delivery_limit && entry.deliveries > *queue_.options.delivery_limit)
    return discard(turn_, queue_, entry, RemovalReason::delivery_limit, removals_);
  life_.put_back(entry);
  const bool follows = open_ && open_->first + open_->count == entry.seq && open_->deliveries == entry.deliveries &&
                       open_->durable == entry.durable && open_->count < std::numeric_limits<std::uint16_t>::max();
  if (follows) {
    ++open_->count;
    return;
  }
  finish();
  open_ = Requeued{queue_.declared.id, entry.seq, 1, entry.deliveries, entry.durable};
}

void Returns::finish() {
  if (open_) turn_.record(*open_);
  open_.reset();
}

}  // namespace tandem::core
