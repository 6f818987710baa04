// The connections of the loop, found by id in constant time. An id is a serial number and a slot: slots are
// used again, ids are not. Thread rule: the loop's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "broker/base/limits.h"
#include "broker/server/peer.h"

namespace tandem::server {

class Peers {
 public:
  /// Connections beyond limits::connections_max are still told why they are refused, up to this many at a
  /// time.
  static constexpr std::size_t slots_max = limits::connections_max + 256;

  std::size_t size() const { return size_; }
  bool full() const { return size_ >= slots_max; }

  /// The id for the next add(). Only when not full().
  ConnectionId next_id();
  /// `peer` has the id that next_id() gave last.
  Peer& add(std::unique_ptr<Peer> peer);
  /// nullptr when it is gone.
  Peer* find(ConnectionId id) const {
    const std::size_t slot = id.value & slot_mask;
    Peer* peer = slot < slots_.size() ? slots_[slot].get() : nullptr;
    return peer != nullptr && peer->id() == id ? peer : nullptr;
  }
  void remove(ConnectionId id);

  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::size_t slot = 0; slot < slots_.size(); ++slot)
      if (Peer* peer = slots_[slot].get()) visit(*peer);
  }

 private:
  static constexpr std::uint64_t slot_bits = 16;
  static constexpr std::uint64_t slot_mask = (1u << slot_bits) - 1;
  static_assert(slots_max <= slot_mask + 1);

  std::vector<std::unique_ptr<Peer>> slots_;
  std::vector<std::size_t> free_slots_;
  std::uint64_t serial_ = 0;
  std::size_t size_ = 0;
};

}  // namespace tandem::server
