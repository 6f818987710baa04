// The newest offset of each record key that a compaction has seen. Keys are told apart by a keyed hash of 128 bits
// (SipHash-2-4 with a secret of this process), so memory does not grow with their size, and nobody who chooses keys can make
// two of them look alike.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "broker/base/ids.h"
#include "schemas/message.h"

namespace tandem::storage {

struct KeyHash {
  std::uint64_t high = 0, low = 0;
  friend bool operator==(const KeyHash&, const KeyHash&) = default;
};

/// SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, 2012).
KeyHash hash_key(const std::array<std::uint64_t, 2>& secret, Bytes key);

/// Thread rule: one thread.
class NewestOffsets {
 public:
  /// 24 bytes a slot, at most 3/4 of them used: 48 MiB when it is full (72 while it grows there), and nothing when no compaction
  /// runs. A compaction that meets more keys stops at the batch where it does, and the next one goes on from there.
  static constexpr std::size_t keys_max = (1u << 21) / 4 * 3;

  /// `max`: for tests.
  explicit NewestOffsets(std::size_t max = keys_max);

  /// Offsets must grow from call to call. false: there is no room for another key.
  bool put(Bytes key, Offset offset);
  std::optional<Offset> find(Bytes key) const;
  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }

 private:
  struct Slot {
    KeyHash hash;
    Offset offset = -1;  // -1: free
  };
  std::size_t place_of(const KeyHash& hash) const;
  void grow();

  std::array<std::uint64_t, 2> secret_;
  const std::size_t max_;
  std::vector<Slot> slots_;  // a power of two; linear probing
  std::size_t count_ = 0;
};

}  // namespace tandem::storage
