// How long to wait before connecting again: doubling from the least to the most, less a random part of up to
// half, so that clients which lost the same broker do not come back together.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

#include "tandem/client.h"

namespace tandem::client {

class Backoff {
 public:
  Backoff(Milliseconds delay_min, Milliseconds delay_max, std::uint64_t seed)
      : min_(std::max<Milliseconds::rep>(1, delay_min.count())),
        max_(std::max<Milliseconds::rep>(min_, delay_max.count())),
        next_(min_),
        chance_(seed) {}

  Milliseconds next() {
    const auto whole = next_;
    next_ = std::min(max_, next_ * 2);
    std::uniform_int_distribution<Milliseconds::rep> part(whole - whole / 2, whole);
    return Milliseconds(part(chance_));
  }
  /// The connection was good.
  void reset() { next_ = min_; }

 private:
  Milliseconds::rep min_, max_, next_;
  std::mt19937_64 chance_;
};

}  // namespace tandem::client
