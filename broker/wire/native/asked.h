// What the face puts into core::Caller::request, to know what an answer belongs to: the client's correlation,
// or the seq of a publish, with four bits that say which.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "broker/core/input.h"

namespace tandem::wire::native {

enum class Asked : std::uint8_t {
  request,      // number = correlation
  publish,      // number = the publish's seq
  settle_part,  // one range of a settle that has more to come; number = correlation
  settle_end,   // its last range, the one that answers; number = correlation
};

inline constexpr int number_bits = 60;
/// Correlations and publish seqs are below this.
inline constexpr std::uint64_t number_end = std::uint64_t{1} << number_bits;

constexpr std::uint64_t pack(Asked asked, std::uint64_t number) {
  return static_cast<std::uint64_t>(asked) << number_bits | number;
}
constexpr Asked asked_of(std::uint64_t request) {
  return static_cast<Asked>(request >> number_bits);
}
constexpr std::uint64_t number_of(std::uint64_t request) {
  return request & (number_end - 1);
}

/// Of all queues or bindings: there may be 100,000, so each turn of the loop gets a piece.
struct Listing {
  core::Describe rest;      // what the next piece is the first of; without a name
  bool is_asked = false;    // for that piece
};

/// What has to be remembered of requests that went to the core as something else than one input with one
/// answer.
struct Unanswered {
  /// Correlations of settles that were refused in part: their last range's answer is not said again.
  std::vector<std::uint64_t> refused_settles;
  /// Transactions in which a settle operation became several: correlation, and for each of the core's
  /// operations the index of the client's.
  std::vector<std::pair<std::uint64_t, std::vector<std::int32_t>>> operation_indexes;
  /// One after the other.
  std::deque<Listing> listings;
};

}  // namespace tandem::wire::native
