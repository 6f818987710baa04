#include "broker/server/peers.h"

#include "broker/base/check.h"

namespace tandem::server {

ConnectionId Peers::next_id() {
  CHECK(!full());
  if (free_slots_.empty()) {
    free_slots_.push_back(slots_.size());
    slots_.emplace_back();
  }
  return ConnectionId{++serial_ << slot_bits | free_slots_.back()};
}

Peer& Peers::add(std::unique_ptr<Peer> peer) {
  const std::size_t slot = peer->id().value & slot_mask;
  CHECK(!free_slots_.empty() && free_slots_.back() == slot);
  free_slots_.pop_back();
  slots_[slot] = std::move(peer);
  ++size_;
  return *slots_[slot];
}

void Peers::remove(ConnectionId id) {
  if (find(id) == nullptr) return;
  const std::size_t slot = id.value & slot_mask;
  slots_[slot].reset();
  free_slots_.push_back(slot);
  --size_;
}

}  // namespace tandem::server
